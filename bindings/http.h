/* What the files of module `http` share. */
#ifndef KL_BINDINGS_HTTP_H
#define KL_BINDINGS_HTTP_H

#include "bindings/bindings.h"
#include "net/fetch.h"

/* The table at index 1, as lua/stdlib/http.lua makes it: {method, url, headers = {"Name: value", …}, secrets = {name,
 * …}, body, timeout_ms, max_body, redirects, head_timeout_ms, idle_timeout_ms}. Lists are pushed on the stack, and all
 * texts are borrowed from there; `allow` is the running script's. Raises where a field has the wrong type. */
void kl_http_read_request(lua_State *L, kl_fetch_request *r); /* raises */
/* The HTTP client for the scripts; raises where there is none, or where Lua cannot wait for it. */
kl_http *kl_http_client(lua_State *L); /* raises */
/* Pushes {name, value, name, value, …} in the order of the answer, from lines "Name: value\r\n". */
void kl_http_push_fields(lua_State *L, const kl_buf *lines); /* raises */

/* What module http says of an error without an answer: the code is "sent" when the server may have got the request,
 * "unsent" when it surely has not. */
void kl_http_error_for_script(kl_error *e);

/* http_stream.c: registers the metatable; core.stream(request) -> stream, status, url, fields once the head is there.
 */
void kl_http_stream_register(lua_State *L); /* raises */
int kl_http_stream_lua(lua_State *L);

#endif
