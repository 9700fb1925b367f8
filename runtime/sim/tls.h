/* A certificate for loopback, made at the start and thrown away at the end. */
#ifndef KL_SIM_TLS_H
#define KL_SIM_TLS_H

#include "sim/impl.h"

/* Makes a self-signed P-256 certificate for 127.0.0.1 and localhost and writes it, without its key, to a file of a new
 * folder: s->ca_path. */
bool kl_sim_tls_make(kl_sim *s, kl_error *e);
/* Removes file and folder, wipes the key. Does nothing when there is none. */
void kl_sim_tls_free(kl_sim *s);

#endif
