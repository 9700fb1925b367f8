/* The operation table as Lua values, for tools: `kalua api`, help, completion. */
#ifndef KL_BINDINGS_DESCRIBE_H
#define KL_BINDINGS_DESCRIBE_H

#include <lua.h>

/* kalshi.operations() -> { {name, method, path, tag, status, legacy}, … } in the order of the table. */
int kl_operations_lua(lua_State *L); /* raises */
/* kalshi.describe(name) -> what kalshi.operations() says and id, auth, bucket, cost, cost_per_item, paged, rows,
 * cursor, replaced_by, has_body, params (a list of fields) and answer (a nameless field; absent when it has no
 * content). A field is {name, in, type, item_type, unit, required, nullable, deprecated, map, default, min, max,
 * min_length, max_length, pattern, format, enum, fields}, see kl_param; what does not apply is absent. `name` is snake
 * case, an operationId, or either with "legacy." before it; raises "validation" with the nearest name otherwise. */
int kl_describe_lua(lua_State *L); /* raises */

#endif
