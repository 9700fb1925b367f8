/* The journal of prompts inside running strategies: who typed what, when, where, and what came of it. One JSON object a
 * line in $XDG_STATE_HOME/kalua/journal, readable for this user alone, without secrets (prompt/secret_text.h):
 *
 *   {"ts":"2026-11-26T02:30:00.123Z","user":"ann","uid":1000,"client":4711,"tty":"/dev/pts/3","pid":4242,
 *    "strategy":"maker","env":"prod","armed":true,"op":"eval","text":"quote(0.42)","outcome":"value","ms":1.204}
 *
 * All processes of the user write to the one file, each line by one write to its end, from a thread of its own: no
 * strategy waits for a disk. A file of 5 MB becomes `journal.1`, in place of the one before. */
#ifndef KL_PROMPT_JOURNAL_H
#define KL_PROMPT_JOURNAL_H

#include "control/server.h"

/* Who is at the other end of a connection. */
typedef struct kl_prompt_client {
  int64_t pid, uid;
  char user[64]; /* "" where it is not known */
  char tty[64];  /* of its standard input; "" where that is no terminal */
} kl_prompt_client;
/* Asks the system, without waiting for anything. */
void kl_prompt_client_get(const kl_control_call *call, kl_prompt_client *out);
/* Appends "ann on /dev/pts/3 (process 4711)". */
void kl_prompt_client_name(const kl_prompt_client *c, kl_buf *out);

typedef struct kl_journal_entry {
  const kl_prompt_client *client;
  const char *strategy, *env;
  bool armed;
  const char *op;   /* "eval", "arm", … */
  const char *text; /* what was typed; need not be terminated */
  size_t n;
  const char *outcome; /* "value", "error", …; NULL: none */
  int64_t ns;          /* that it took; negative: not measured */
} kl_journal_entry;

typedef struct kl_journal kl_journal;
/* `path` NULL: as above. Nothing is opened before the first entry. NULL when memory is out. */
kl_journal *kl_journal_new(const char *path);
/* Waits at most a second for what is not written yet. Takes NULL. */
void kl_journal_free(kl_journal *j);
/* Returns at once. An armed entry is said in the log, too. Where the journal cannot be written, that is said in the
 * log, once until it can be again. Takes NULL. */
void kl_journal_put(kl_journal *j, const kl_journal_entry *e);
/* Why the last line could not be written; false where it could, or none was tried. */
bool kl_journal_failing(kl_journal *j, kl_error *e);

#endif
