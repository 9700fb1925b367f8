/* What is on the screen while an input is typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "editor_bed.h"

#define UP "\033[A"
#define DOWN "\033[B"
#define RIGHT "\033[C"
#define LEFT "\033[D"
#define HOME "\033[H"
#define DELETE "\033[3~"
#define SHIFT_TAB "\033[Z"
#define PASTE(text) "\033[200~" text "\033[201~"

static void screen_is(editor_bed *b, const char *expected) {
  if (b->v->bad) fail_msg("the terminal does not know %s", b->v->bad);
  assert_string_equal(vs_text(b->v), expected);
}

static void cursor_is(const editor_bed *b, int row, int column) {
  assert_false(b->v->hidden);
  assert_int_equal(b->v->row, row);
  assert_int_equal(b->v->column, column);
}

/* ---- editing ---- */

static void typed_characters_appear_with_few_bytes(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 80, 24, false);
  bed_type(&b, "hello");
  screen_is(&b, "> hello\n");
  cursor_is(&b, 0, 7);
  bed_type(&b, "!");
  assert_int_equal(b.bytes, 1);
  bed_type(&b, LEFT);
  assert_int_equal(b.bytes, 1);
  bed_type(&b, "x"); /* with what follows it, and back */
  assert_in_range(b.bytes, 1, 3);
  bed_type(&b, "\033[F\x7f");
  assert_in_range(b.bytes, 1, 12);
  screen_is(&b, "> hellox\n");
  bed_close(&b);
}

/* Types keys into an empty line; the text is then this one, with "|" where the cursor is. */
static void keys_lead_to(const char *keys, const char *expected) {
  editor_bed b;
  bed_open(&b, 80, 24, true);
  bed_remember(&b, "first(1)");
  bed_remember(&b, "second(\"a b\", 2.5)");
  bed_type(&b, keys);
  char got[400];
  size_t cursor = kl_line_editor_cursor(b.editor);
  snprintf(got, sizeof got, "%.*s|%s", (int)cursor, bed_text(&b), bed_text(&b) + cursor);
  assert_string_equal(got, expected);
  assert_null(b.v->bad);
  bed_close(&b);
}

static void the_cursor_moves_by_characters_words_and_lines(void **state) {
  (void)state;
  keys_lead_to("abc" LEFT "x", "abx|c");
  keys_lead_to("abc\x02\x02x\x06y", "axby|c");
  keys_lead_to("one.two(three)\033b\033bx", "one.x|two(three)");
  keys_lead_to("one.two(three)\033[1;5D\033[1;5D\033[1;5Cx", "one.twox|(three)");
  keys_lead_to("abc\x01x\x05y", "xabcy|");
  keys_lead_to("abc" HOME "x\033[Fy", "xabcy|");
  keys_lead_to(PASTE("one\ntwo\nthree") UP UP "x", "onex|\ntwo\nthree");
  keys_lead_to(PASTE("abcdef\nx\nabcdef") UP UP "!", "abcdef!|\nx\nabcdef"); /* it remembers the column */
  keys_lead_to(PASTE("abcdef\nx\nabc") UP UP DOWN DOWN "!", "abcdef\nx\nabc!|");
  keys_lead_to(PASTE("one\ntwo") "\033<x\033>y", "xone\ntwoy|");
  keys_lead_to(LEFT "\x7f" DELETE "\x0b\x15\x17", "|"); /* nothing to do */
}

static void what_belongs_together_is_one_step(void **state) {
  (void)state;
  keys_lead_to("e\xCC\x81x" LEFT LEFT "|", "||e\xCC\x81x");  /* an accent */
  keys_lead_to("a\xE6\x97\xA5" LEFT "b", "ab|\xE6\x97\xA5"); /* a wide character */
  keys_lead_to("\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7x\x7f\x7f", "|"); /* a family */
  keys_lead_to("\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA\xF0\x9F\x87\xAB\xF0\x9F\x87\xB7" LEFT "x",
               "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAAx|\xF0\x9F\x87\xAB\xF0\x9F\x87\xB7"); /* two flags */
  keys_lead_to("\xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD\x7f", "|");                          /* a colour of skin */
}

static void text_is_cut_and_put_back(void **state) {
  (void)state;
  keys_lead_to("one two\x17\x19\x19", "one twotwo|");
  keys_lead_to("one two\x01\x0b\x19\x19", "one twoone two|");
  keys_lead_to("one two\x15"
               "x\x19",
               "xone two|");
  keys_lead_to("a.b(c)\x01\033d\033d\x05 \x19", "(c) a.b|"); /* cuts in a row are one */
  keys_lead_to("one two\x17\x17\x19", "one two|");
  keys_lead_to("a b\x17x\x17\x19\033y", "a b|");    /* the one before that */
  keys_lead_to(PASTE("ab\ncd") UP "\x0b", "ab|cd"); /* at the end of a line: its end */
  keys_lead_to("one.two\033\x7f", "one.|");
}

static void two_characters_change_places(void **state) {
  (void)state;
  keys_lead_to("abc\x14", "acb|");
  keys_lead_to("abc" LEFT LEFT "\x14", "ba|c");
  keys_lead_to("a\x14", "a|");
}

static void changes_are_undone(void **state) {
  (void)state;
  keys_lead_to("one two\x1f", "one|");
  keys_lead_to("one two\x1f\x1f", "|");
  keys_lead_to("one\x17\x1f", "one|");
  keys_lead_to("sec" UP "\x1f", "sec|"); /* what the history has put in its place */
  keys_lead_to("\x1f\x1f", "|");
}

static void words_change_their_case(void **state) {
  (void)state;
  keys_lead_to("one two\x01\033u\033c", "ONE Two|");
  keys_lead_to("ONE\x01\033l", "one|");
}

static void a_new_line_is_indented_as_lua_asks_for(void **state) {
  (void)state;
  keys_lead_to("for i = 1, 3 do\033\rx", "for i = 1, 3 do\n  x|");
  keys_lead_to("f{\033\ra = function()\033\rx", "f{\n  a = function()\n    x|");
  keys_lead_to("if x then\033\ry\033\relse\033\rz\033\rend\033\r", "if x then\n  y\nelse\n  z\nend\n|");
  keys_lead_to("do\033\rdo\033\rend\033\rend\033\r", "do\n  do\n  end\nend\n|");
  keys_lead_to("do\033\rlocal ending\033\r", "do\n  local ending\n  |");
  keys_lead_to("do\033\rend\r", "do\nend|");                     /* also where it is entered */
  keys_lead_to("x = [[\033\r  end\033\r", "x = [[\n  end\n  |"); /* the inside of a string is nobody's business */
  keys_lead_to("x = f(a, b)\033\r", "x = f(a, b)\n|");
  keys_lead_to("-- do\033\r", "-- do\n|");
}

static void enter_asks_and_changes_nothing(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 40, 10, false);
  bed_type(&b, "for i = 1, 2 do\r");
  assert_int_equal(b.last, KL_EDIT_ENTER);
  screen_is(&b, "> for i = 1, 2 do\n");
  assert_true(kl_line_editor_newline(b.editor));
  bed_show(&b);
  bed_type(&b, "print(i)\r");
  kl_line_editor_newline(b.editor);
  bed_type(&b, "end");
  screen_is(&b, "> for i = 1, 2 do\n.   print(i)\n.   end\n");
  bed_type(&b, "\r");
  assert_int_equal(b.last, KL_EDIT_ENTER);
  screen_is(&b, "> for i = 1, 2 do\n.   print(i)\n. end\n");
  bed_close(&b);
}

static void ctrl_c_and_ctrl_d_are_told(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 40, 10, false);
  bed_type(&b, "\x04");
  assert_int_equal(b.last, KL_EDIT_EOF);
  bed_type(&b, "ab\x01\x04");
  assert_int_equal(b.last, KL_EDIT_DONE);
  assert_string_equal(bed_text(&b), "b");
  bed_type(&b, "\x12x\x03"); /* within a search, too */
  assert_int_equal(b.last, KL_EDIT_INTERRUPT);
  bed_close(&b);
}

static void a_pasted_block_does_nothing_but_stand_there(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 40, 10, false);
  bed_type(&b, PASTE("if x then\r\n\treturn\x03 1\033[2J\rend\r"));
  assert_int_equal(b.last, KL_EDIT_DONE);
  assert_string_equal(bed_text(&b), "if x then\n\treturn\xEF\xBF\xBD 1\xEF\xBF\xBD[2J\nend\n");
  screen_is(&b, "> if x then\n.     return\xEF\xBF\xBD 1\xEF\xBF\xBD[2J\n. end\n.\n");
  cursor_is(&b, 3, 2);
  bed_type(&b, "\x1f"); /* one step back */
  assert_string_equal(bed_text(&b), "");
  screen_is(&b, ">\n");
  bed_close(&b);
}

/* ---- the history ---- */

static void arrows_walk_through_the_history(void **state) {
  (void)state;
  keys_lead_to(UP, "second(\"a b\", 2.5)|");
  keys_lead_to(UP UP, "first(1)|");
  keys_lead_to(UP UP UP, "first(1)|");
  keys_lead_to(UP UP DOWN, "second(\"a b\", 2.5)|");
  keys_lead_to("sec" UP UP DOWN, "sec|"); /* what was typed is there again */
  keys_lead_to("fi" UP, "first(1)|");     /* only those that begin so */
  keys_lead_to("fi" UP UP UP, "first(1)|");
  keys_lead_to("nothing" UP, "nothing|");
  keys_lead_to("ab\x01" UP, "second(\"a b\", 2.5)|"); /* the cursor is not behind it */
  keys_lead_to(DOWN, "|");
}

static void arrows_move_within_a_block_first(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 40, 10, false);
  bed_remember(&b, "before");
  bed_remember(&b, "one\ntwo");
  bed_type(&b, UP);
  screen_is(&b, "> one\n. two\n");
  cursor_is(&b, 1, 5);
  bed_type(&b, UP);
  cursor_is(&b, 0, 5);
  bed_type(&b, UP);
  screen_is(&b, "> before\n");
  bed_type(&b, DOWN);
  screen_is(&b, "> one\n. two\n");
  bed_close(&b);
}

static void the_last_argument_comes_back(void **state) {
  (void)state;
  keys_lead_to("x = \033.", "x = 2.5|");
  keys_lead_to("x = \033.\033.", "x = 1|");
  keys_lead_to("x = \033.\033.\033.", "x = 1|");
  editor_bed b;
  bed_open(&b, 40, 10, false);
  bed_remember(&b, ":help kalshi.get_market");
  bed_type(&b, "\033.");
  assert_string_equal(bed_text(&b), "kalshi.get_market");
  bed_remember(&b, "kalshi.get_market(\"KXHIGHNY-26NOV22-B51\").market");
  bed_type(&b, "\033.");
  assert_string_equal(bed_text(&b), "market");
  bed_remember(&b, "f(\"KXHIGHNY-26NOV22-B51\")");
  bed_type(&b, "\033.");
  assert_string_equal(bed_text(&b), "\"KXHIGHNY-26NOV22-B51\"");
  bed_remember(&b, "print(book.bids)");
  bed_type(&b, "\033.");
  assert_string_equal(bed_text(&b), "book.bids");
  bed_close(&b);
}

static void an_earlier_input_is_searched_while_typing(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 40, 10, false);
  bed_remember(&b, "alpha one");
  bed_remember(&b, "beta ONE");
  bed_remember(&b, "alpha two");
  bed_type(&b, "typed");
  bed_type(&b, "\x12");
  screen_is(&b, "> typed\nsearch backward:\n");
  bed_type(&b, "al");
  screen_is(&b, "> alpha two\nsearch backward: al\n");
  cursor_is(&b, 0, 2);
  bed_type(&b, "pha o");
  screen_is(&b, "> alpha one\nsearch backward: alpha o\n");
  bed_type(&b, "\x7f\x7f\x7f\x7f\x7f\x7f\x7f"
               "one"); /* small letters find both */
  screen_is(&b, "> beta ONE\nsearch backward: one\n");
  bed_type(&b, "\x12");
  screen_is(&b, "> alpha one\nsearch backward: one\n");
  bed_type(&b, "\x12");
  screen_is(&b, "> alpha one\nnothing found, search backward: one\n");
  bed_type(&b, "\x13");
  screen_is(&b, "> beta ONE\nsearch forward: one\n");
  bed_type(&b, "\x07"); /* back to what was there */
  screen_is(&b, "> typed\n");
  bed_type(&b, "\x12"
               "ONE\033");
  screen_is(&b, "> beta ONE\n");
  cursor_is(&b, 0, 7);
  bed_type(&b, DOWN);
  screen_is(&b, "> alpha two\n");
  bed_type(&b, DOWN); /* what was typed when it began */
  screen_is(&b, "> typed\n");
  bed_type(&b, "\x12two\r");
  assert_int_equal(b.last, KL_EDIT_ENTER);
  screen_is(&b, "> alpha two\n");
  bed_type(&b, "\x12one"
               "\x05!"); /* any other key edits what was found */
  screen_is(&b, "> beta ONE!\n");
  bed_type(&b, "\x12zzz");
  screen_is(&b, "> beta ONE!\nnothing found, search backward: zzz\n");
  bed_close(&b);
}

/* ---- completion ---- */

static void offer(editor_bed *b, const char *const *texts, size_t from, bool partial) {
  size_t count = 0;
  while (texts[count])
    count++;
  kl_menu_item *items = calloc(count + 1, sizeof *items);
  assert_non_null(items);
  for (size_t i = 0; i < count; i++) {
    char hint[64];
    snprintf(hint, sizeof hint, "about %s", texts[i]);
    items[i] = (kl_menu_item){strdup(texts[i]), strdup(hint)};
  }
  kl_line_editor_offer(b->editor, items, count, from, partial);
  bed_show(b);
}

static void tab_asks_and_one_completion_is_put_in(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 40, 10, false);
  bed_type(&b, "x = pri\t");
  assert_int_equal(b.last, KL_EDIT_COMPLETE);
  offer(&b, (const char *const[]){"print", NULL}, 4, false);
  screen_is(&b, "> x = print\n");
  bed_type(&b, "(kxhigh\t");
  offer(&b, (const char *const[]){"KXHIGHNY", NULL}, 10, false);
  screen_is(&b, "> x = print(KXHIGHNY\n");
  bed_type(&b, "\t");
  offer(&b, (const char *const[]){NULL}, 18, false);
  screen_is(&b, "> x = print(KXHIGHNY\n");
  bed_close(&b);
}

static void several_completions_are_a_menu(void **state) {
  (void)state;
  editor_bed b;
  const char *const words[] = {"pairs", "paper", "parts", NULL};
  bed_open(&b, 40, 10, false);
  bed_type(&b, "p\t");
  offer(&b, words, 0, false);
  screen_is(&b, "> pa\npairs  paper  parts\n");
  cursor_is(&b, 0, 4);
  bed_type(&b, "\t");
  screen_is(&b, "> pairs\npairs  paper  parts\nabout pairs\n");
  assert_true(b.v->cells[1][0].reverse);
  bed_type(&b, "\t" RIGHT);
  screen_is(&b, "> parts\npairs  paper  parts\nabout parts\n");
  bed_type(&b, "\t" SHIFT_TAB SHIFT_TAB); /* around the end and back */
  screen_is(&b, "> paper\npairs  paper  parts\nabout paper\n");
  bed_type(&b, "\033"); /* not after all */
  screen_is(&b, "> pa\n");
  bed_type(&b, "\t");
  offer(&b, words, 0, false);
  bed_type(&b, "\t\t\r"); /* Enter takes what is chosen, and does not run it */
  assert_int_equal(b.last, KL_EDIT_DONE);
  screen_is(&b, "> paper\n");
  bed_type(&b, "\x17p\t");
  offer(&b, words, 0, false);
  bed_type(&b, "\tx"); /* any other key goes on behind it */
  screen_is(&b, "> pairsx\n");
  bed_close(&b);
}

static void a_menu_that_is_too_long_is_shown_in_part(void **state) {
  (void)state;
  editor_bed b;
  char text[60][16];
  const char *words[61] = {NULL};
  for (int i = 0; i < 60; i++) {
    snprintf(text[i], sizeof text[i], "word_%02d", i);
    words[i] = text[i];
  }
  bed_open(&b, 20, 8, false);
  bed_type(&b, "w\t");
  offer(&b, words, 0, false);
  screen_is(&b, "> word_\nword_00  word_01\nword_02  word_03\nword_04  word_05\n6 of 60\n");
  bed_type(&b, "\t" UP);
  screen_is(&b, "> word_58\nword_54  word_55\nword_56  word_57\nword_58  word_59\nabout word_58\n");
  bed_type(&b, "\033");
  screen_is(&b, "> word_\n");
  offer(&b, words, 0, true);
  screen_is(&b, "> word_\nword_00  word_01\nword_02  word_03\nword_04  word_05\n6 of 60, and there a\n");
  bed_close(&b);
}

static void tab_before_a_lines_text_indents_it(void **state) {
  (void)state;
  keys_lead_to("do\033\r\t\tx", "do\n      x|");
}

/* ---- the screen ---- */

static void a_long_line_wraps_at_the_right_edge(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 10, 6, false);
  bed_type(&b, "12345678"); /* exactly full: the cursor is in the next row */
  screen_is(&b, "> 12345678\n");
  cursor_is(&b, 1, 0);
  assert_true(b.v->wrapped[0]);
  bed_type(&b, "9abcdefghijk");
  screen_is(&b, "> 12345678\n9abcdefghi\njk\n");
  cursor_is(&b, 2, 2);
  assert_true(b.v->wrapped[1]); /* one line for who copies it, and when the window changes */
  bed_type(&b, "\x01X");
  screen_is(&b, "> X1234567\n89abcdefgh\nijk\n");
  cursor_is(&b, 0, 3);
  bed_type(&b, "\x0b");
  screen_is(&b, "> X\n");
  bed_close(&b);
}

static void wide_characters_wrap_as_a_whole(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 9, 6, false);
  bed_type(&b, "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC"); /* three fit behind the prompt */
  screen_is(&b, "> \xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\n\xE6\x97\xA5\xE6\x9C\xAC\n");
  cursor_is(&b, 1, 4);
  bed_type(&b, "\x01"
               "a");
  screen_is(&b, "> a\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\n\xE6\x97\xA5\xE6\x9C\xAC\n");
  bed_type(&b, "b");
  screen_is(&b, "> ab\xE6\x97\xA5\xE6\x9C\xAC\n\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC\n");
  bed_type(&b, DELETE);
  screen_is(&b, "> ab\xE6\x9C\xAC\xE8\xAA\x9E\n\xE6\x97\xA5\xE6\x9C\xAC\n");
  bed_close(&b);
}

static void what_terminals_draw_differently_moves_nothing_else(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 40, 6, false);
  /* This terminal takes an emoji of several parts for that many characters; what follows stands where it should. */
  bed_type(&b, "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9"
               "abc");
  assert_string_equal(b.v->cells[0][4].text, "a");
  assert_string_equal(b.v->cells[0][6].text, "c");
  cursor_is(&b, 0, 7);
  bed_type(&b, "\x7f");
  assert_string_equal(b.v->cells[0][6].text, "");
  cursor_is(&b, 0, 6);
  bed_close(&b);
}

static void text_appears_above_what_is_typed(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 20, 6, true);
  bed_type(&b, PASTE("one\ntwo") UP);
  bed_above(&b, "a fill\n");
  screen_is(&b, "a fill\n> one\n. two\n");
  cursor_is(&b, 1, 5);
  bed_above(&b, "another one that is longer than the screen\nx\ty\n");
  assert_null(b.v->bad);
  assert_string_equal(b.v->gone.data, "a fill\n");
  screen_is(&b, "another one that is\nlonger than the scre\nen\nx       y\n> one\n. two\n");
  cursor_is(&b, 4, 5);
  bed_type(&b, "!");
  screen_is(&b, "another one that is\nlonger than the scre\nen\nx       y\n> one!\n. two\n");
  bed_close(&b);
}

static void nothing_of_what_is_shown_moves_the_cursor(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 60, 8, true);
  bed_above(&b, "a\033[2Jb\033[31mred\033[0m\x07\xC2\x9B"
                "1Ac\xFF\033]0;title\007 \r.\r\n");
  screen_is(&b, "a\\x1b[2Jbred\\x07\\xc2\\x9b1Ac\\xff\\x1b]0;title\\x07 \\x0d.\n>\n");
  b.prompt = "\033[32mgreen\033[0m\a> ";
  b.hint = "a\033[2Jhint";
  bed_type(&b, "x");
  screen_is(&b, "a\\x1b[2Jbred\\x07\\xc2\\x9b1Ac\\xff\\x1b]0;title\\x07 \\x0d.\ngreen?> x\na?[2Jhint\n");
  bed_close(&b);
}

static void a_hint_comes_and_goes_below(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 20, 6, false);
  b.hint = "get_market(ticker) and what it gives";
  bed_type(&b, "get_");
  screen_is(&b, "> get_\nget_market(ticker) a\n");
  cursor_is(&b, 0, 6);
  b.hint = NULL;
  bed_type(&b, "x");
  screen_is(&b, "> get_x\n");
  b.hint = "one\ntwo";
  bed_type(&b, "y");
  screen_is(&b, "> get_xy\none\ntwo\n");
  bed_close(&b);
}

static void more_lines_than_the_screen_has_are_shown_around_the_cursor(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 20, 5, false);
  bed_type(&b, PASTE("l1\nl2\nl3\nl4\nl5\nl6\nl7\nl8"));
  screen_is(&b, ". l4\n. l5\n. l6\n. l7\n. l8\n");
  cursor_is(&b, 4, 4);
  bed_type(&b, UP UP UP UP);
  screen_is(&b, ". l4\n. l5\n. l6\n. l7\n. l8\n");
  bed_type(&b, UP UP);
  screen_is(&b, ". l2\n. l3\n. l4\n. l5\n. l6\n");
  cursor_is(&b, 0, 4);
  bed_type(&b, UP "x");
  screen_is(&b, "> l1x\n. l2\n. l3\n. l4\n. l5\n");
  bed_type(&b, "\033>");
  screen_is(&b, ". l4\n. l5\n. l6\n. l7\n. l8\n");
  bed_above(&b, "told\n");
  assert_non_null(strstr(b.v->gone.data, "told"));
  screen_is(&b, ". l4\n. l5\n. l6\n. l7\n. l8\n");
  bed_close(&b);
}

static void resize(editor_bed *b, int columns, int rows) {
  kl_buf out = {0};
  vs_reflow(b->v, columns, rows);
  kl_screen_resize(b->screen, (size_t)columns, (size_t)rows, true, &out);
  vs_write(b->v, out.data ? out.data : "", out.len);
  kl_buf_free(&out);
  bed_show(b);
}

static void another_size_of_the_window_leaves_nothing_behind(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 20, 12, false);
  bed_above(&b, "told\n");
  bed_type(&b, "abcdefghijklmnopqrstuvwxyz0123456789");
  screen_is(&b, "told\n> abcdefghijklmnopqr\nstuvwxyz0123456789\n");
  resize(&b, 12, 12);
  screen_is(&b, "told\n> abcdefghij\nklmnopqrstuv\nwxyz01234567\n89\n");
  cursor_is(&b, 4, 2);
  resize(&b, 30, 12);
  screen_is(&b, "told\n> abcdefghijklmnopqrstuvwxyz01\n23456789\n");
  resize(&b, 60, 12);
  screen_is(&b, "told\n> abcdefghijklmnopqrstuvwxyz0123456789\n");
  bed_type(&b, "\x01");
  resize(&b, 9, 12);
  screen_is(&b, "told\n> abcdefg\nhijklmnop\nqrstuvwxy\nz01234567\n89\n");
  cursor_is(&b, 1, 2);
  bed_type(&b, "\x05\x15" PASTE("one line\nand two"));
  resize(&b, 5, 12);
  screen_is(&b, "told\n> one\n line\n. and\n two\n");
  resize(&b, 20, 12);
  screen_is(&b, "told\n> one line\n. and two\n");
  resize(&b, 20, 3);
  bed_type(&b, "!");
  assert_non_null(strstr(vs_text(b.v), "> one line\n. and two!\n"));
  bed_close(&b);
}

static void ten_columns_are_enough(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 10, 8, false);
  b.prompt = "kalua[sim]> ";
  b.next = "        .. ";
  bed_type(&b, "x = 1");
  screen_is(&b, "kalua[sim]\n> x = 1\n");
  bed_type(&b, "\033\rabc");
  screen_is(&b, "kalua[sim]\n> x = 1\n        ..\n abc\n");
  bed_type(&b, "\x12x");
  screen_is(&b, "kalua[sim]\n> x = 1\n        ..\n abc\nnothing fo\n");
  bed_close(&b);
}

static void the_input_is_coloured(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 60, 8, true);
  kl_buf out = {0};
  kl_view view = {.prompt = "> ", .next = ". ", .text = "local x = f(\"a\", 12) -- why", .n = 27, .cursor = 12};
  kl_screen_hide(b.screen, &out);
  kl_buf_clear(&out);
  kl_screen_show(b.screen, &view, &out);
  assert_non_null(strstr(out.data, "\033[35mlocal\033[0m x = f"));
  assert_non_null(strstr(out.data, "\033[32m\"a\"\033[0m, \033[36m12\033[0m"));
  assert_non_null(strstr(out.data, "\033[90m-- why\033[0m"));
  kl_buf_clear(&out);
  view.cursor = 20; /* behind the bracket: it and its partner */
  kl_screen_show(b.screen, &view, &out);
  assert_non_null(strstr(out.data, "\033[1m(\033[0m"));
  assert_non_null(strstr(out.data, "\033[1m)\033[0m"));
  kl_buf_free(&out);
  bed_close(&b);
}

static void what_was_entered_stays_above_the_next(void **state) {
  (void)state;
  editor_bed b;
  bed_open(&b, 20, 6, false);
  bed_type(&b, PASTE("one\ntwo") UP);
  kl_buf out = {0};
  kl_screen_leave(b.screen, &out);
  vs_write(b.v, out.data, out.len);
  kl_buf_free(&out);
  kl_line_editor_drop(b.editor);
  bed_above(&b, "result\n");
  bed_type(&b, "three");
  screen_is(&b, "> one\n. two\nresult\n> three\n");
  bed_close(&b);
}

/* ---- whatever is typed ---- */

static unsigned seed;
static unsigned next_random(unsigned below) {
  seed = seed * 1103515245u + 12345u;
  return (seed >> 16) % below;
}

/* What was drawn bit by bit is what is drawn at once, on a terminal with nothing else, which is then the one in use. */
static void same_as_drawn_at_once(editor_bed *b, unsigned run) {
  virtual_screen *drawn = b->v, *fresh = malloc(sizeof *fresh);
  kl_buf out = {0};
  assert_non_null(fresh);
  vs_open(fresh, drawn->columns, drawn->rows);
  kl_screen_hide(b->screen, &out);
  kl_buf_free(&out);
  b->v = fresh;
  bed_show(b);
  if (drawn->bad || fresh->bad)
    fail_msg("run %u: the terminal does not know %s", run, drawn->bad ? drawn->bad : fresh->bad);
  int shift = drawn->row - fresh->row; /* the block may have text above it */
  assert_true(shift >= 0);
  assert_int_equal(drawn->column, fresh->column);
  for (int r = 0; r + shift < drawn->rows; r++) {
    char expected[VS_COLUMNS_MAX * 8];
    snprintf(expected, sizeof expected, "%s", vs_row(fresh, r));
    if (strcmp(expected, vs_row(drawn, r + shift)) != 0)
      fail_msg("run %u, row %d: \"%s\" is there, not \"%s\"", run, r, vs_row(drawn, r + shift), expected);
  }
  vs_close(drawn);
  free(drawn);
}

static void any_keys_leave_the_screen_as_if_drawn_at_once(void **state) {
  (void)state;
  static const char *const keys[] = {"a",
                                     "b",
                                     " ",
                                     "(",
                                     ")",
                                     "\"",
                                     "end",
                                     "do",
                                     "\xC3\xA9",
                                     "e\xCC\x81",
                                     "\xE6\x97\xA5",
                                     "\xE6\x9C\xAC\xE8\xAA\x9E",
                                     UP,
                                     DOWN,
                                     LEFT,
                                     RIGHT,
                                     HOME,
                                     "\033[F",
                                     DELETE,
                                     "\x7f",
                                     "\x7f",
                                     "\x01",
                                     "\x05",
                                     "\x0b",
                                     "\x15",
                                     "\x17",
                                     "\x19",
                                     "\x14",
                                     "\x1f",
                                     "\033\r",
                                     "\033b",
                                     "\033f",
                                     "\033d",
                                     "\033.",
                                     "\t",
                                     "\x12",
                                     "\x13",
                                     "\x07",
                                     "\033",
                                     "one two three four",
                                     PASTE("first line\nsecond\n\tthird \xE6\x97\xA5"),
                                     PASTE("a long one that wraps around the edge of the screen")};
  for (unsigned run = 1; run <= 150; run++) {
    editor_bed b;
    seed = run;
    bed_open(&b, 6 + (int)next_random(40), 2 + (int)next_random(12), run % 2);
    bed_remember(&b, "for i = 1, 3 do\n  print(i)\nend");
    bed_remember(&b, "kalshi.get_market(\"\xE6\x97\xA5\xE6\x9C\xAC\")");
    for (int i = 0; i < 60; i++) {
      unsigned what = next_random(50);
      if (what == 0) {
        bed_above(&b, "some text from elsewhere\n");
      } else if (what == 1) {
        b.hint = next_random(2) ? "a hint\nof two lines" : NULL;
        bed_show(&b);
      } else if (what == 2) {
        offer(&b, (const char *const[]){"alpha", "alphabet", "almost", NULL}, kl_line_editor_cursor(b.editor), false);
      } else {
        bed_type(&b, keys[next_random(sizeof keys / sizeof keys[0])]);
      }
      if (i % 10 == 9) same_as_drawn_at_once(&b, run);
    }
    bed_close(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(typed_characters_appear_with_few_bytes),
      cmocka_unit_test(the_cursor_moves_by_characters_words_and_lines),
      cmocka_unit_test(what_belongs_together_is_one_step),
      cmocka_unit_test(text_is_cut_and_put_back),
      cmocka_unit_test(two_characters_change_places),
      cmocka_unit_test(changes_are_undone),
      cmocka_unit_test(words_change_their_case),
      cmocka_unit_test(a_new_line_is_indented_as_lua_asks_for),
      cmocka_unit_test(enter_asks_and_changes_nothing),
      cmocka_unit_test(ctrl_c_and_ctrl_d_are_told),
      cmocka_unit_test(a_pasted_block_does_nothing_but_stand_there),
      cmocka_unit_test(arrows_walk_through_the_history),
      cmocka_unit_test(arrows_move_within_a_block_first),
      cmocka_unit_test(the_last_argument_comes_back),
      cmocka_unit_test(an_earlier_input_is_searched_while_typing),
      cmocka_unit_test(tab_asks_and_one_completion_is_put_in),
      cmocka_unit_test(several_completions_are_a_menu),
      cmocka_unit_test(a_menu_that_is_too_long_is_shown_in_part),
      cmocka_unit_test(tab_before_a_lines_text_indents_it),
      cmocka_unit_test(a_long_line_wraps_at_the_right_edge),
      cmocka_unit_test(wide_characters_wrap_as_a_whole),
      cmocka_unit_test(what_terminals_draw_differently_moves_nothing_else),
      cmocka_unit_test(text_appears_above_what_is_typed),
      cmocka_unit_test(nothing_of_what_is_shown_moves_the_cursor),
      cmocka_unit_test(a_hint_comes_and_goes_below),
      cmocka_unit_test(more_lines_than_the_screen_has_are_shown_around_the_cursor),
      cmocka_unit_test(another_size_of_the_window_leaves_nothing_behind),
      cmocka_unit_test(ten_columns_are_enough),
      cmocka_unit_test(the_input_is_coloured),
      cmocka_unit_test(what_was_entered_stays_above_the_next),
      cmocka_unit_test(any_keys_leave_the_screen_as_if_drawn_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
