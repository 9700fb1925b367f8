/* The tables of the matching engine's records. */
#ifndef KL_SIM_PERSIST_TABLES_H
#define KL_SIM_PERSIST_TABLES_H

#include "exchange/saved.h"
#include "sim/rows.h"

/* By kl_saved_kind, for the struct of that kind. */
extern const kl_sim_table kl_sim_engine_tables[KL_SAVED_KINDS];

#endif
