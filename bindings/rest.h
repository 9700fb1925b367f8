/* A REST call as something that a task waits for. */
#ifndef KL_BINDINGS_REST_H
#define KL_BINDINGS_REST_H

#include "bindings/args.h"

/* Sends the request to that account, or the market as its session has it, and returns as a C function returns, with the
 * answer as one value: fixed-point strings as numbers and null left out unless args->raw; an empty table where the
 * exchange answers without a body. `op` may be NULL, for a free-form call; then `method` says how. The parts of `args`
 * are copied. */
int kl_rest_await(lua_State *L, kl_place *at, const kl_operation *op, const char *method, kl_args *args); /* raises */

/* The environment of the script that runs. */
kl_environment *kl_environment_of(lua_State *L);

/* Under which name the orders, limits, results and stores of the script that runs are: its own, in a shadow that of the
 * one that it is of. Borrowed from the script. */
const char *kl_name_here(lua_State *L);

/* Who is responsible for the orders of the script that runs at that account, and its generation: NULL where they do not
 * go through the desk (tools), and when out of memory. */
kl_party *kl_party_here(lua_State *L, const kl_place *at, uint32_t *generation);

#endif
