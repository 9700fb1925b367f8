#include "prompt/prompt.h"

#include <stdlib.h>

#include "prompt/internal.h"
#include "prompt/members.h"

/* Each part of the back end has its operations. */
static const kl_control_op *const tables[] = {
    kl_prompt_session_ops, kl_prompt_eval_ops,    kl_prompt_watch_ops,
    kl_prompt_members_ops, kl_prompt_inspect_ops, kl_prompt_debug_ops,
};

kl_prompt *kl_prompt_open(kl_control *control, kl_host *host, const char *env, const char *elsewhere) {
  kl_prompt *p = control ? calloc(1, sizeof *p) : NULL;
  if (!p) return NULL;
  p->control = control;
  p->host = host;
  p->env = env;
  p->elsewhere = elsewhere;
  p->journal = kl_journal_new(NULL);
  kl_list_init(&p->sessions);
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
    if (!kl_control_add(control, tables[i], p)) break; /* without memory some are not known; the others use `p` */
  return p;
}

void kl_prompt_close(kl_prompt *p) {
  if (!p) return;
  while (!kl_list_empty(&p->sessions))
    kl_prompt_session_end(KL_CONTAINER(p->sessions.next, kl_prompt_session, link), "the process ends");
  kl_journal_free(p->journal);
  free(p);
}
