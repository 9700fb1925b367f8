/* What the files of the front end share. */
#ifndef KL_PROMPT_FRONT_IMPL_H
#define KL_PROMPT_FRONT_IMPL_H

#include "bindings/bindings.h"
#include "prompt/front.h"

/* What kl_host_options.data of the front's host points at. */
typedef struct kl_front {
  kl_environment environment; /* first: bindings get it as theirs */
  const kl_front_options *o;
  int code; /* to exit with */
} kl_front;

kl_front *kl_front_of(lua_State *L);

/* The modules of the front's host: link.c, terminal_lua.c, files.c. */
int luaopen_kl_prompt_link(lua_State *L);
int luaopen_kl_prompt_terminal(lua_State *L);
int luaopen_kl_prompt_files(lua_State *L);

#endif
