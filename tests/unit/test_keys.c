/* Bytes of a terminal as keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prompt/keys.h"

static void note(void *data, const kl_key *key) {
  static const char *const names[] = {
      [KL_KEY_CHAR] = "",        [KL_KEY_ENTER] = "Enter",    [KL_KEY_TAB] = "Tab",    [KL_KEY_BACKSPACE] = "Back",
      [KL_KEY_ESCAPE] = "Esc",   [KL_KEY_UP] = "Up",          [KL_KEY_DOWN] = "Down",  [KL_KEY_LEFT] = "Left",
      [KL_KEY_RIGHT] = "Right",  [KL_KEY_HOME] = "Home",      [KL_KEY_END] = "End",    [KL_KEY_DELETE] = "Del",
      [KL_KEY_PAGE_UP] = "PgUp", [KL_KEY_PAGE_DOWN] = "PgDn", [KL_KEY_PASTE] = "Paste"};
  kl_buf *b = data;
  kl_buf_printf(b, "%s%s%s%s%s", b->len ? " " : "", key->mods & KL_CTRL ? "C-" : "", key->mods & KL_ALT ? "M-" : "",
                key->mods & KL_SHIFT ? "S-" : "", names[key->kind]);
  if (key->kind == KL_KEY_CHAR && key->c > 0x20 && key->c < 0x7F)
    kl_buf_char(b, (char)key->c);
  else if (key->kind == KL_KEY_CHAR)
    kl_buf_printf(b, "U+%04X", key->c);
  if (key->kind == KL_KEY_PASTE) {
    kl_buf_char(b, '(');
    kl_buf_add(b, key->text, key->n);
    kl_buf_str(b, key->cut ? ", cut)" : ")");
  }
}

static void keys_are(const char *bytes, size_t n, const char *expected) {
  for (size_t piece = 1; piece <= n; piece++) { /* however it is cut */
    kl_keys k = {0};
    kl_buf got = {0};
    kl_buf_str(&got, "");
    for (size_t at = 0; at < n; at += piece)
      kl_keys_feed(&k, bytes + at, n - at < piece ? n - at : piece, note, &got);
    if (kl_keys_waits(&k)) kl_keys_rest(&k, note, &got);
    assert_string_equal(got.data, expected);
    kl_buf_free(&got);
    kl_keys_free(&k);
  }
}
#define KEYS(bytes, expected) keys_are(bytes, sizeof bytes - 1, expected)

static void letters_and_control_keys(void **state) {
  (void)state;
  KEYS("aZ 5~", "a Z U+0020 5 ~");
  KEYS("\x01\x1a\x1f\x1d", "C-a C-z C-_ C-]");
  KEYS(" ", "U+0020");
  keys_are("\0", 1, "C-U+0020");
  KEYS("\r\n\t\x7f\b", "Enter Enter Tab Back Back");
}

static void characters_of_several_bytes(void **state) {
  (void)state;
  KEYS("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "U+00E9 U+20AC U+1F600");
  KEYS("\x1b\xC3\xA9", "M-U+00E9");
}

static void what_is_no_utf8_is_seen_and_costs_no_key(void **state) {
  (void)state;
  KEYS("\xFF"
       "a\xC3"
       "b\xE2\x82"
       "c",
       "U+FFFD a U+FFFD b U+FFFD c");
  KEYS("\xED\xA0\x80", "U+FFFD U+FFFD U+FFFD"); /* a surrogate */
  KEYS("\xC0\xAF", "U+FFFD U+FFFD");
  KEYS("\xC2\x9B"
       "2J",
       "2 J"); /* no control character from 0x80 on is a key */
}

static void arrows_and_the_keys_around_them(void **state) {
  (void)state;
  KEYS("\x1b[A\x1b[B\x1b[C\x1b[D", "Up Down Right Left");
  KEYS("\x1bOA\x1bOB\x1bOH\x1bOF", "Up Down Home End");
  KEYS("\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~", "Home End Home End Home End");
  KEYS("\x1b[3~\x1b[5~\x1b[6~\x1b[Z", "Del PgUp PgDn S-Tab");
  KEYS("\x1b[1;5C\x1b[1;3D\x1b[1;2A\x1b[3;5~\x1b[1;8B", "C-Right M-Left S-Up C-Del C-M-S-Down");
}

static void alt_is_an_escape_before_the_key(void **state) {
  (void)state;
  KEYS("\x1b"
       "b\x1b.\x1b\x7f\x1b\r",
       "M-b M-. M-Back M-Enter");
}

static void an_escape_alone_is_a_key_after_a_while(void **state) {
  (void)state;
  KEYS("\x1b", "Esc");
  KEYS("\x1b\x1b", "Esc Esc");
  KEYS("\x1b\x1b[A", "Esc Up");
  KEYS("\x1b[", "M-[");
  KEYS("\x1bO", "M-O");
  KEYS("\x1b\x03", "Esc C-c"); /* whatever was typed just before: Ctrl-C counts */
}

static void keys_that_are_told_by_number(void **state) {
  (void)state;
  KEYS("\x1b[97;5u\x1b[27;5;99~\x1b[13;2u\x1b[27u\x1b[228u", "C-a C-c S-Enter Esc U+00E4");
}

static void sequences_without_a_meaning_are_passed_over(void **state) {
  (void)state;
  KEYS("\x1b[200;200Ra\x1b[?1;2cb\x1b[[Ac\x1b[15~d\x1b[Ie\x1b[>1;2;3cf", "a b c d e f");
  KEYS("\x1b[1111111111111111111111111111111111111111111111Aa", "a");
  KEYS("\x1b[12\x18z\x1b[1\x1b[B", "z Down");
  KEYS("\x1b[99999999999999;99999999999999C", "C-M-Right"); /* no number runs over */
}

static void a_pasted_block_is_one_key(void **state) {
  (void)state;
  KEYS("a\x1b[200~one\r\ttwo\x1b[A\x1b[201~b", "a Paste(one\r\ttwo\x1b[A) b");
  KEYS("\x1b[200~\x1b[201~", "Paste()");
  KEYS("\x1b[201~a", "a");
}

static void a_pasted_block_that_is_too_long_is_said_to_be(void **state) {
  (void)state;
  kl_keys k = {0};
  kl_buf got = {0};
  char *block = malloc(KL_PASTE_MAX + 100);
  assert_non_null(block);
  memset(block, 'x', KL_PASTE_MAX + 100);
  kl_keys_feed(&k, "\x1b[200~", 6, note, &got);
  kl_keys_feed(&k, block, KL_PASTE_MAX + 100, note, &got);
  kl_keys_feed(&k, "\x1b[201~a", 7, note, &got);
  assert_string_equal(got.data, "Paste(, cut) a");
  kl_buf_clear(&got);
  kl_keys_feed(&k, "\x1b[200~", 6, note, &got);
  kl_keys_feed(&k, block, KL_PASTE_MAX, note, &got); /* as long as may be */
  kl_keys_feed(&k, "\x1b[201~", 6, note, &got);
  assert_int_equal(got.len, KL_PASTE_MAX + strlen("Paste()"));
  free(block);
  kl_buf_free(&got);
  kl_keys_free(&k);
}

static void a_block_that_never_ends_can_be_left(void **state) {
  (void)state;
  kl_keys k = {0};
  kl_buf got = {0};
  kl_buf_str(&got, "");
  kl_keys_feed(&k, "\x1b[200~abc", 9, note, &got);
  kl_keys_rest(&k, note, &got);
  assert_string_equal(got.data, ""); /* a slow line: it goes on */
  assert_true(kl_keys_waits(&k));
  kl_keys_feed(&k, "\x03", 1, note, &got);
  kl_keys_rest(&k, note, &got);
  kl_keys_feed(&k, "x", 1, note, &got);
  assert_string_equal(got.data, "C-c x");
  kl_buf_free(&got);
  kl_keys_free(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(letters_and_control_keys),
      cmocka_unit_test(characters_of_several_bytes),
      cmocka_unit_test(what_is_no_utf8_is_seen_and_costs_no_key),
      cmocka_unit_test(arrows_and_the_keys_around_them),
      cmocka_unit_test(alt_is_an_escape_before_the_key),
      cmocka_unit_test(an_escape_alone_is_a_key_after_a_while),
      cmocka_unit_test(keys_that_are_told_by_number),
      cmocka_unit_test(sequences_without_a_meaning_are_passed_over),
      cmocka_unit_test(a_pasted_block_is_one_key),
      cmocka_unit_test(a_pasted_block_that_is_too_long_is_said_to_be),
      cmocka_unit_test(a_block_that_never_ends_can_be_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
