/* A strategy goes on with the source of another file: a reload (reload.c) whose try reads that one. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "script/reload.h"

void kl_promotion_end(kl_strategy *g) {
  free(g->promoting);
  g->promoting = NULL;
}

/* The file of the strategy; taken. */
static void set_path(kl_strategy *g, char *path) {
  free((void *)(uintptr_t)g->o.script.path);
  g->o.script.path = path;
  kl_script_drop_prepared(g->spare); /* it would read the other one */
  g->spare = NULL;
}

void kl_promotion_take(kl_strategy *g) {
  set_path(g, g->promoting);
  g->promoting = NULL;
}

bool kl_promotion_undo(kl_strategy *g) {
  const char *its = g->live->o.path;
  if (!its || !strcmp(its, g->o.script.path)) return false;
  char *copy = strdup(its);
  if (copy)
    set_path(g, copy);
  else
    kl_log_error(g->name, "not enough memory to go back to %s: the next reload reads %s", its, g->o.script.path);
  return copy != NULL;
}

bool kl_strategy_promote(kl_strategy *g, const char *path, kl_reload_done *done, void *data, kl_error *e) {
  if (g->stopping || !g->live)
    kl_error_coded(e, KL_ERR_CLOSED, "not_running", "%s does not run", g->name);
  else if (g->paused)
    kl_error_coded(e, KL_ERR_VALIDATION, "paused", "%s is paused: resume it first", g->name);
  else if (!g->o.script.path)
    kl_error_coded(e, KL_ERR_VALIDATION, "not_from_a_file", "%s was not started from a file", g->name);
  else if (g->attempt.next || g->promoting || !kl_list_empty(&g->wanted))
    kl_error_coded(e, KL_ERR_VALIDATION, "being_reloaded", "%s is being reloaded; try again in a moment", g->name);
  else {
    g->promoting = strdup(path);
    if (g->promoting && kl_reload_want(g, done, data, e)) return true;
    if (!g->promoting) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to promote %s", path);
    kl_promotion_end(g);
  }
  return false;
}
