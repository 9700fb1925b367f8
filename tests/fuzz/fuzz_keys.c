/* What a terminal sends, to the line editor and its screen: the text stays valid, the cursor stands where one can, keys
 * do not depend on how the bytes are cut, and nothing is written that this side does not know. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/utf8.h"
#include "unit/editor_bed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sum_key(void *data, const kl_key *key) {
  uint64_t *sum = data;
  uint64_t parts[] = {key->kind, key->mods, key->c, key->n, key->cut};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    *sum = (*sum ^ parts[i]) * UINT64_C(0x100000001B3);
  for (size_t i = 0; i < key->n; i++)
    *sum = (*sum ^ (uint8_t)key->text[i]) * UINT64_C(0x100000001B3);
}

static uint64_t sum_of_keys(const char *p, size_t n, size_t piece) {
  kl_keys k = {0};
  uint64_t sum = 0;
  for (size_t at = 0; at < n; at += piece)
    kl_keys_feed(&k, p + at, n - at < piece ? n - at : piece, sum_key, &sum);
  kl_keys_rest(&k, sum_key, &sum);
  kl_keys_free(&k);
  return sum;
}

static void check_text(const editor_bed *b) {
  size_t n, cursor = kl_line_editor_cursor(b->editor);
  const char *text = kl_line_editor_text(b->editor, &n);
  if (!kl_utf8_valid(text, n) || cursor > n || strlen(text) != n) abort();
  for (size_t i = 0; i < n; i++)
    if (((unsigned char)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t') || text[i] == 0x7F) abort();
  if (cursor < n && ((unsigned char)text[cursor] & 0xC0) == 0x80) abort();
}

static void offer_some(editor_bed *b) {
  static const char *const texts[] = {"alpha", "alphabet", "\xE6\x97\xA5"};
  size_t count = 1 + b->bytes % 3, cursor = kl_line_editor_cursor(b->editor);
  kl_menu_item *items = calloc(count, sizeof *items);
  if (!items) abort();
  for (size_t i = 0; i < count; i++)
    items[i] = (kl_menu_item){strdup(texts[i]), NULL};
  kl_line_editor_offer(b->editor, items, count, cursor, b->bytes % 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3 || size > 4096) return 0;
  const char *keys = (const char *)data + 2;
  size_t n = size - 2;
  if (sum_of_keys(keys, n, n) != sum_of_keys(keys, n, 1)) abort();

  editor_bed b;
  bed_open(&b, 2 + data[0] % 60, 1 + data[1] % 20, data[0] & 0x80);
  bed_remember(&b, "for i = 1, 3 do\n  print(i)\nend");
  bed_remember(&b, "kalshi.get_market(\"KXHIGHNY\")");
  for (size_t at = 0, piece; at < n; at += piece) {
    piece = n - at < 7 ? n - at : 7;
    kl_keys_feed(&b.keys, keys + at, piece, bed_key, &b);
    if (b.last == KL_EDIT_COMPLETE) offer_some(&b);
    if (b.last == KL_EDIT_ENTER && at % 2) kl_line_editor_newline(b.editor);
    if (b.last == KL_EDIT_INTERRUPT) kl_line_editor_drop(b.editor);
    b.last = KL_EDIT_NONE;
    check_text(&b);
    bed_show(&b);
    if (at % 5 == 4) bed_above(&b, keys[at] & 1 ? "above\n" : "more\tabove\nof it\n");
  }
  bed_above(&b, "the end\n");
  kl_buf shown = {0};
  kl_text_show(&shown, keys, n, data[0] & 1, true);
  vs_write(b.v, shown.data ? shown.data : "", shown.len);
  kl_buf_free(&shown);
  if (b.v->bad) abort();
  bed_close(&b);
  return 0;
}
