#include "sim/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct entry {
  int64_t at_us;
  const char *type;
  char text[200];
} entry;

struct kl_sim_journal {
  uint64_t last;
  entry entries[KL_SIM_JOURNAL_KEEP]; /* number n at (n - 1) % KEEP */
};

kl_sim_journal *kl_sim_journal_new(void) { return calloc(1, sizeof(kl_sim_journal)); }
void kl_sim_journal_free(kl_sim_journal *j) { free(j); }
uint64_t kl_sim_journal_last(const kl_sim_journal *j) { return j->last; }

void kl_sim_journal_add(kl_sim_journal *j, int64_t now_us, const char *type, const char *fmt, ...) {
  va_list ap;
  if (!j) return;
  entry *e = &j->entries[j->last++ % KL_SIM_JOURNAL_KEEP];
  e->at_us = now_us;
  e->type = type;
  va_start(ap, fmt);
  vsnprintf(e->text, sizeof e->text, fmt, ap);
  va_end(ap);
}

uint64_t kl_sim_journal_json(const kl_sim_journal *j, uint64_t since, size_t limit, kl_buf *b) {
  uint64_t from = since;
  if (j->last > KL_SIM_JOURNAL_KEEP && from < j->last - KL_SIM_JOURNAL_KEEP) from = j->last - KL_SIM_JOURNAL_KEEP;
  kl_buf_char(b, '[');
  for (; from < j->last && limit > 0; limit--) {
    const entry *e = &j->entries[from++ % KL_SIM_JOURNAL_KEEP];
    if (b->len > 0 && b->data[b->len - 1] != '[') kl_buf_char(b, ',');
    kl_buf_printf(b, "{\"id\":%llu,\"ts_ms\":%lld,\"type\":\"%s\",\"text\":", (unsigned long long)from,
                  (long long)(e->at_us / 1000), e->type);
    kl_buf_json_cstr(b, e->text);
    kl_buf_char(b, '}');
    since = from;
  }
  kl_buf_char(b, ']');
  return since;
}
