#include "prompt/keys.h"

#include <string.h>

enum { ESC = 0x1B, CAN = 0x18, SUB = 0x1A, DEL = 0x7F, CTRL_C = 3, REPLACEMENT = 0xFFFD };

static const char paste_end[] = "\033[201~";
enum { PASTE_END = sizeof paste_end - 1 };

typedef struct out {
  kl_key_fn *fn;
  void *data;
} out;

static void give(const out *o, kl_key_kind kind, unsigned mods) {
  kl_key key = {.kind = kind, .mods = mods};
  o->fn(o->data, &key);
}

static void give_char(const out *o, uint32_t c, unsigned mods) {
  kl_key key = {.kind = KL_KEY_CHAR, .mods = mods, .c = c};
  o->fn(o->data, &key);
}

/* A control byte as the key that sends it. */
static void give_control(const out *o, uint8_t c, unsigned mods) {
  switch (c) {
  case '\r':
  case '\n':
    give(o, KL_KEY_ENTER, mods);
    break;
  case '\t':
    give(o, KL_KEY_TAB, mods);
    break;
  case '\b':
  case DEL:
    give(o, KL_KEY_BACKSPACE, mods);
    break;
  default:
    give_char(o, c == 0 ? ' ' : c + (c < ESC ? 'a' - 1u : (uint32_t)'@'), mods | KL_CTRL);
  }
}

/* ---- sequences ---- */

/* The numbers of a sequence; what is left out is 0. Returns their count. */
static size_t read_numbers(const char *p, size_t n, unsigned *numbers, size_t most) {
  size_t count = 0;
  memset(numbers, 0, most * sizeof *numbers);
  for (size_t i = 0; i < n && count < most; i++) {
    if (p[i] == ';') {
      count++;
    } else if (p[i] >= '0' && p[i] <= '9' && numbers[count] < 0x200000) {
      numbers[count] = numbers[count] * 10 + (unsigned)(p[i] - '0');
    }
  }
  return count < most ? count + 1 : most;
}

/* As terminals number them: 1 and a bit for each. Meta counts as Alt. */
static unsigned read_mods(unsigned number) {
  unsigned bits = number > 0 ? number - 1 : 0;
  return (bits & 7u) | (bits & 8u ? KL_ALT : 0u);
}

/* A key that is told as the number of its character, as some terminals do for those with modifiers. */
static void give_code(const out *o, unsigned code, unsigned mods) {
  if (code == ESC) {
    give(o, KL_KEY_ESCAPE, mods);
  } else if (code < 0x20 || code == DEL) {
    give_control(o, (uint8_t)code, mods);
  } else if (code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) && (code < DEL || code > 0x9F)) {
    bool capital = mods & KL_CTRL && code >= 'A' && code <= 'Z';
    give_char(o, capital ? code + 32u : code, mods & (unsigned)(KL_ALT | KL_CTRL));
  }
}

static void give_numbered(const out *o, const unsigned *number, size_t count) {
  static const struct {
    unsigned number;
    kl_key_kind kind;
  } numbered[] = {{1, KL_KEY_HOME}, {3, KL_KEY_DELETE}, {4, KL_KEY_END},      {5, KL_KEY_PAGE_UP},
                  {7, KL_KEY_HOME}, {8, KL_KEY_END},    {6, KL_KEY_PAGE_DOWN}};
  unsigned mods = count > 1 ? read_mods(number[1]) : 0;
  if (number[0] == 27 && count > 2) {
    give_code(o, number[2], mods);
    return;
  }
  for (size_t i = 0; i < sizeof numbered / sizeof numbered[0]; i++)
    if (numbered[i].number == number[0]) give(o, numbered[i].kind, mods);
}

static void give_lettered(const out *o, char letter, unsigned mods) {
  static const struct {
    char letter;
    kl_key_kind kind;
  } lettered[] = {{'A', KL_KEY_UP},   {'B', KL_KEY_DOWN}, {'C', KL_KEY_RIGHT},
                  {'D', KL_KEY_LEFT}, {'F', KL_KEY_END},  {'H', KL_KEY_HOME}};
  for (size_t i = 0; i < sizeof lettered / sizeof lettered[0]; i++)
    if (lettered[i].letter == letter) give(o, lettered[i].kind, mods);
  if (letter == 'Z') give(o, KL_KEY_TAB, mods | KL_SHIFT);
  if (letter == 'M') give(o, KL_KEY_ENTER, mods); /* of the keypad, in SS3 */
}

/* The end of ESC [ …: a key, the begin of a paste, or something that means nothing here. */
static void end_csi(kl_keys *k, const out *o, char final) {
  k->state = KL_KEYS_GROUND;
  if (k->n > sizeof k->sequence) return;
  if (k->n == 3 && memcmp(k->sequence, "200", 3) == 0 && final == '~') {
    k->state = KL_KEYS_PASTE;
    return;
  }
  unsigned number[4];
  size_t count = read_numbers(k->sequence, k->n, number, 4);
  for (size_t i = 0; i < k->n; i++)
    if (k->sequence[i] < '0' || k->sequence[i] > ';') return; /* private */
  if (final == '~') {
    give_numbered(o, number, count);
  } else if (final == 'u') {
    give_code(o, number[0], count > 1 ? read_mods(number[1]) : 0);
  } else if (final != 'M') {
    give_lettered(o, final, count > 1 ? read_mods(number[1]) : 0);
  }
}

/* ---- characters ---- */

static void take_lead(kl_keys *k, const out *o, uint8_t c) {
  k->lo = 0x80;
  k->hi = 0xBF;
  if (c >= 0xC2 && c < 0xE0) {
    k->need = 1;
    k->c = c & 0x1Fu;
  } else if (c >= 0xE0 && c < 0xF0) {
    k->need = 2;
    k->c = c & 0x0Fu;
    if (c == 0xE0) k->lo = 0xA0;
    if (c == 0xED) k->hi = 0x9F;
  } else if (c >= 0xF0 && c < 0xF5) {
    k->need = 3;
    k->c = c & 0x07u;
    if (c == 0xF0) k->lo = 0x90;
    if (c == 0xF4) k->hi = 0x8F;
  } else {
    give_char(o, REPLACEMENT, 0);
    k->alt = false;
  }
}

static void take_ground(kl_keys *k, const out *o, uint8_t c) {
  unsigned mods = k->alt ? KL_ALT : 0;
  if (c >= 0x80) {
    take_lead(k, o, c);
    return;
  }
  k->alt = false;
  if (c == ESC) {
    k->state = KL_KEYS_ESCAPE;
  } else if (c < 0x20 || c == DEL) {
    give_control(o, c, mods);
  } else {
    give_char(o, c, mods);
  }
}

/* False: c is no continuation byte, and is looked at anew. */
static bool take_continuation(kl_keys *k, const out *o, uint8_t c) {
  unsigned mods = k->alt ? KL_ALT : 0;
  bool fits = c >= k->lo && c <= k->hi;
  k->lo = 0x80;
  k->hi = 0xBF;
  if (fits) {
    k->c = k->c << 6 | (c & 0x3Fu);
    if (--k->need > 0) return true;
    if (k->c > 0x9F) give_char(o, k->c, mods); /* no terminal has a key for U+0080 to U+009F */
  } else {
    k->need = 0;
    give_char(o, REPLACEMENT, 0);
  }
  k->alt = false;
  return fits;
}

static void take_escape(kl_keys *k, const out *o, uint8_t c) {
  k->n = 0;
  if (c == '[') {
    k->state = KL_KEYS_CSI;
  } else if (c == 'O') {
    k->state = KL_KEYS_SS3;
  } else if (c == ESC) {
    give(o, KL_KEY_ESCAPE, 0);
  } else if (c < 0x20 && c != '\r' && c != '\n' && c != '\t' && c != '\b') { /* Ctrl-C counts however it is typed */
    give(o, KL_KEY_ESCAPE, 0);
    k->state = KL_KEYS_GROUND;
    take_ground(k, o, c);
  } else {
    k->state = KL_KEYS_GROUND;
    k->alt = true;
    take_ground(k, o, c);
  }
}

/* A byte inside of a sequence that cannot be part of one ends it. True: c has been dealt with. */
static bool breaks(kl_keys *k, uint8_t c) {
  if (c >= 0x20 && c < DEL) return false;
  k->state = c == ESC ? KL_KEYS_ESCAPE : KL_KEYS_GROUND;
  return true;
}

static void take_csi(kl_keys *k, const out *o, uint8_t c) {
  if (breaks(k, c)) {
    if (c != ESC && c != CAN && c != SUB) take_ground(k, o, c);
  } else if (c == '[' && k->n == 0) {
    k->state = KL_KEYS_LINUX;
  } else if (c >= 0x40) {
    end_csi(k, o, (char)c);
  } else if (k->n < sizeof k->sequence) {
    k->sequence[k->n++] = (char)c;
  } else {
    k->n = sizeof k->sequence + 1;
  }
}

static void take_ss3(kl_keys *k, const out *o, uint8_t c) {
  if (breaks(k, c)) {
    if (c != ESC && c != CAN && c != SUB) take_ground(k, o, c);
  } else if (c >= '0' && c <= ';') {
    if (k->n < sizeof k->sequence) k->sequence[k->n++] = (char)c;
  } else {
    unsigned number[1];
    read_numbers(k->sequence, k->n, number, 1);
    k->state = KL_KEYS_GROUND;
    give_lettered(o, (char)c, read_mods(number[0]));
  }
}

/* ---- pasted blocks ---- */

static void end_paste(kl_keys *k, const out *o) {
  kl_key key = {.kind = KL_KEY_PASTE, .text = k->paste.data ? k->paste.data : "", .n = k->paste.len};
  if (k->paste_dropped || k->paste.failed) key = (kl_key){.kind = KL_KEY_PASTE, .text = "", .cut = true};
  k->state = KL_KEYS_GROUND;
  k->paste_dropped = false;
  o->fn(o->data, &key);
  kl_buf_free(&k->paste);
}

static void take_paste(kl_keys *k, const out *o, uint8_t c) {
  kl_buf *b = &k->paste;
  if (b->len >= KL_PASTE_MAX + PASTE_END) { /* only its end still counts */
    k->paste_dropped = true;
    memmove(b->data, b->data + b->len - PASTE_END, PASTE_END);
    b->len = PASTE_END;
  }
  kl_buf_char(b, (char)c);
  if (b->failed) { /* a new one, in which the end can be seen */
    kl_buf_free(b);
    k->paste_dropped = true;
  }
  if (c != '~' || b->len < PASTE_END || memcmp(b->data + b->len - PASTE_END, paste_end, PASTE_END) != 0) return;
  b->len -= PASTE_END;
  b->data[b->len] = 0;
  if (b->len > KL_PASTE_MAX) k->paste_dropped = true;
  end_paste(k, o);
}

/* ---- */

void kl_keys_feed(kl_keys *k, const char *p, size_t n, kl_key_fn *fn, void *data) {
  const out o = {fn, data};
  for (size_t i = 0; i < n; i++) {
    uint8_t c = (uint8_t)p[i];
    if (k->need && take_continuation(k, &o, c)) continue;
    switch (k->state) {
    case KL_KEYS_GROUND:
      take_ground(k, &o, c);
      break;
    case KL_KEYS_ESCAPE:
      take_escape(k, &o, c);
      break;
    case KL_KEYS_CSI:
      take_csi(k, &o, c);
      break;
    case KL_KEYS_SS3:
      take_ss3(k, &o, c);
      break;
    case KL_KEYS_LINUX: /* a function key of Linux's console: one letter more */
      k->state = KL_KEYS_GROUND;
      break;
    case KL_KEYS_PASTE:
      take_paste(k, &o, c);
      break;
    }
  }
}

bool kl_keys_waits(const kl_keys *k) { return k->need > 0 || k->state != KL_KEYS_GROUND; }

void kl_keys_rest(kl_keys *k, kl_key_fn *fn, void *data) {
  const out o = {fn, data};
  if (k->need) {
    k->need = 0;
    k->alt = false;
    give_char(&o, REPLACEMENT, 0);
  }
  if (k->state == KL_KEYS_PASTE) {
    if (k->paste.len == 0 || k->paste.data[k->paste.len - 1] != CTRL_C) return;
    kl_buf_free(&k->paste);
    k->paste_dropped = false;
    k->state = KL_KEYS_GROUND;
    give_char(&o, 'c', KL_CTRL);
    return;
  }
  if (k->state == KL_KEYS_ESCAPE) give(&o, KL_KEY_ESCAPE, 0);
  if (k->state == KL_KEYS_CSI && k->n == 0) give_char(&o, '[', KL_ALT);
  if (k->state == KL_KEYS_SS3 && k->n == 0) give_char(&o, 'O', KL_ALT);
  k->state = KL_KEYS_GROUND;
}

void kl_keys_free(kl_keys *k) {
  kl_buf_free(&k->paste);
  memset(k, 0, sizeof *k);
}
