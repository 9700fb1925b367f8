/* Which hosts a script may connect to: what --allow-net takes. "host" is that name or address with any port,
 * "host:port" with that port only, "*.host" every name below it (not the host itself), "*.host:port" likewise. IPv6
 * addresses may stand in brackets, and must before a port. Names are compared as they are written, ignoring case: none
 * is looked up. */
#ifndef KL_PERMIT_H
#define KL_PERMIT_H

#include "net/url.h"

/* Whether the text has one of these forms; fills `e` (kind "validation") when not. */
bool kl_permit_check(const char *pattern, kl_error *e);
/* Whether one of the patterns (NULL-terminated; NULL is none) allows the host and port of `u`. */
bool kl_permit_allows(const char *const *patterns, const kl_url *u);

#endif
