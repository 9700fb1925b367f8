/* The operation table as Lua values, for tools: `kalua api`, help, completion. */
#ifndef KL_BINDINGS_DESCRIBE_H
#define KL_BINDINGS_DESCRIBE_H

#include <lua.h>

/* kalshi.operations() -> { {name, method, path, legacy}, … } in the order of the table. */
int kl_operations_lua(lua_State *L); /* raises */
/* kalshi.describe(name) -> {name, id, method, path, legacy, auth, paged, params = { {name, in, type, item_type,
 * required, enum}, … }}. `name` is snake case, an operationId, or either with "legacy." before it; raises "validation"
 * with the nearest name otherwise. */
int kl_describe_lua(lua_State *L); /* raises */

#endif
