/* What a terminal sends, as keys. Pure and incremental: the same keys come out however the bytes are cut. */
#ifndef KL_KEYS_H
#define KL_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef enum kl_key_kind {
  KL_KEY_CHAR, /* a character; with KL_CTRL a letter or sign that was typed with Ctrl */
  KL_KEY_ENTER,
  KL_KEY_TAB,
  KL_KEY_BACKSPACE,
  KL_KEY_ESCAPE,
  KL_KEY_UP,
  KL_KEY_DOWN,
  KL_KEY_LEFT,
  KL_KEY_RIGHT,
  KL_KEY_HOME,
  KL_KEY_END,
  KL_KEY_DELETE,
  KL_KEY_PAGE_UP,
  KL_KEY_PAGE_DOWN,
  KL_KEY_PASTE /* a block from the clipboard, as it came */
} kl_key_kind;

enum { KL_SHIFT = 1, KL_ALT = 2, KL_CTRL = 4 };

typedef struct kl_key {
  kl_key_kind kind;
  unsigned mods;
  uint32_t c;       /* of KL_KEY_CHAR; small letters where KL_CTRL is set. U+FFFD: bytes that are no UTF-8 */
  const char *text; /* of KL_KEY_PASTE; borrowed during the call */
  size_t n;
  bool cut; /* the block was longer than KL_PASTE_MAX, and none of it is here */
} kl_key;

enum { KL_PASTE_MAX = 1 << 20 };

/* Zeroed: nothing has come yet. */
typedef struct kl_keys {
  enum { KL_KEYS_GROUND, KL_KEYS_ESCAPE, KL_KEYS_CSI, KL_KEYS_SS3, KL_KEYS_LINUX, KL_KEYS_PASTE } state;
  bool alt;           /* of the character whose bytes are coming */
  uint8_t need;       /* continuation bytes still to come */
  uint8_t lo, hi;     /* range of the next one */
  uint32_t c;         /* the character so far */
  char sequence[32];  /* behind ESC [ or ESC O */
  size_t n;           /* of it; one that is longer means nothing */
  kl_buf paste;       /* with what may be the begin of its end */
  bool paste_dropped; /* it is too long */
} kl_keys;

typedef void kl_key_fn(void *data, const kl_key *key);

void kl_keys_feed(kl_keys *k, const char *p, size_t n, kl_key_fn *fn, void *data);
/* What came so far may not be all of a key: call kl_keys_rest when nothing more has come for a moment. */
bool kl_keys_waits(const kl_keys *k);
/* Nothing more belongs to what came so far: Esc alone is a key. A block that is being pasted goes on, but for a Ctrl-C
 * at its end, which is then one that was typed: a terminal that never ends a block must not take all keys for ever. */
void kl_keys_rest(kl_keys *k, kl_key_fn *fn, void *data);
void kl_keys_free(kl_keys *k); /* releases and zeroes */

#endif
