/* What happened of note in the simulator, for whoever watches it from outside: faults that struck, triggers, clients
 * that came and went. The last thousand; each has a number. */
#ifndef KL_SIM_JOURNAL_H
#define KL_SIM_JOURNAL_H

#include <stdint.h>

#include "base/buf.h"

enum { KL_SIM_JOURNAL_KEEP = 1000 };

typedef struct kl_sim_journal kl_sim_journal;

kl_sim_journal *kl_sim_journal_new(void);    /* NULL: out of memory */
void kl_sim_journal_free(kl_sim_journal *j); /* takes NULL */
/* `type` is a literal ("fault", "trigger", "client"); the text is cut at 200 bytes. NULL: does nothing. */
void kl_sim_journal_add(kl_sim_journal *j, int64_t now_us, const char *type, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
uint64_t kl_sim_journal_last(const kl_sim_journal *j); /* number of the newest; 0: none yet */
/* Those with a number above `since`, oldest first, at most `limit`, as a JSON array of objects. Returns the number of
 * the last one written, or `since`. */
uint64_t kl_sim_journal_json(const kl_sim_journal *j, uint64_t since, size_t limit, kl_buf *b);

#endif
