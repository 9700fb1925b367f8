/* The audit of live books: every few seconds one of them, chosen by chance, is compared with what REST says of that
 * market. It finds what sequence numbers cannot show: a delta that the exchange never sent, a message that was wrong, a
 * mistake here. The book moves on while REST answers, and what REST reads may be a second old, so the book's changes
 * are kept for a while around the question: the answer agrees when it is what the book was at any moment of that
 * window.
 *
 * One that does not agree is asked for a second time at once; if that answer is none of the book's states either, the
 * book is wrong: it is counted, logged with the first level that differs, told to the feed's listeners ("audit"), and
 * gets a new snapshot. A book that became stale or was closed meanwhile gives no verdict. Loop thread only. */
#ifndef KL_BOOK_AUDIT_H
#define KL_BOOK_AUDIT_H

#include <uv.h>

#include "kalshi/session.h"

typedef struct kl_book_audit kl_book_audit;

typedef struct kl_book_audit_options {
  kl_feed *feed; /* borrowed, to the end of kl_book_audit_close */
  const kl_clock *clock;
  int64_t every_ms;   /* from the beginning of one audit to that of the next */
  int64_t window_ms;  /* before the question, and behind its answer; 0: 3,000 */
  size_t changes_max; /* of the book in the window: more, and there is no verdict; 0: 65,536 */
  void *data;
  /* Asks REST for all levels of a market, signed or not; `answered` is called later, with `audit`. NULL: not now
   * (others need the tokens). */
  void *(*ask)(void *data, const char *ticker, bool sign, kl_call_cb answered, void *audit);
  void (*cancel)(void *asked);
} kl_book_audit_options;

typedef struct kl_book_audit_stats {
  uint64_t audits;      /* that ended with a verdict */
  uint64_t differences; /* books that were wrong */
  uint64_t undecided;   /* audits without a verdict */
} kl_book_audit_stats;

/* Begins with the feed's first connection. Keeps no loop alive. NULL when out of memory. */
kl_book_audit *kl_book_audit_new(uv_loop_t *loop, const kl_book_audit_options *o);
/* Nothing is asked any more; `closed` from the loop when the memory is gone. Takes NULL without a call. */
void kl_book_audit_close(kl_book_audit *a, void (*closed)(void *), void *data);
void kl_book_audit_stats_get(const kl_book_audit *a, kl_book_audit_stats *out); /* NULL: zeros */

#endif
