#include "prompt/line_editor.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "prompt/lua_text.h"
#include "prompt/search.h"
#include "prompt/text.h"

struct kl_line_editor {
  const kl_history *history; /* borrowed */
  kl_line *line;
  size_t at;        /* the entry that is shown; the count of entries: what is being typed */
  char *typed;      /* what was typed when the walk through the history began; owned, NULL before */
  size_t typed_n;   /* of it */
  bool by_prefix;   /* only entries that begin with it are walked through */
  kl_search search; /* in the history */
  kl_menu *menu;
  size_t menu_from, menu_typed_n; /* where its items go, and what was there before: */
  char *menu_typed;
  size_t argument_at, argument_from; /* Alt-. : from which entry, and where it was put; SIZE_MAX: not just now */
};

kl_line_editor *kl_line_editor_new(const kl_history *history) {
  kl_line_editor *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->line = kl_line_new();
  if (!e->line) {
    free(e);
    return NULL;
  }
  e->history = history;
  e->at = kl_history_count(history);
  e->argument_at = SIZE_MAX;
  return e;
}

static void close_menu(kl_line_editor *e) {
  kl_menu_free(e->menu);
  free(e->menu_typed);
  e->menu = NULL;
  e->menu_typed = NULL;
}

static void end_walk(kl_line_editor *e) {
  free(e->typed);
  e->typed = NULL;
  e->at = kl_history_count(e->history);
}

void kl_line_editor_free(kl_line_editor *e) {
  if (!e) return;
  close_menu(e);
  end_walk(e);
  kl_search_end(&e->search);
  kl_line_free(e->line);
  free(e);
}

const char *kl_line_editor_text(const kl_line_editor *e, size_t *n) { return kl_line_text(e->line, n); }
size_t kl_line_editor_cursor(const kl_line_editor *e) { return kl_line_cursor(e->line); }
kl_menu *kl_line_editor_menu(const kl_line_editor *e) { return e->menu; }

const char *kl_line_editor_search(const kl_line_editor *e, size_t *n, bool *forward, bool *failed) {
  if (!e->search.on) return NULL;
  *n = e->search.wanted.len;
  *forward = e->search.forward;
  *failed = e->search.failed;
  return e->search.wanted.data ? e->search.wanted.data : "";
}

void kl_line_editor_drop(kl_line_editor *e) {
  close_menu(e);
  kl_search_end(&e->search);
  kl_line_reset(e->line);
  end_walk(e);
  e->argument_at = SIZE_MAX;
}

static kl_edit done(bool changed) { return changed ? KL_EDIT_DONE : KL_EDIT_NONE; }

/* The line of the cursor goes to where it belongs, now that its begin is known: `end` below what it ends. Returns how
 * far the next line is to be indented. */
static size_t settle_indent(kl_line_editor *e) {
  size_t n, lead, want, next, cursor = kl_line_cursor(e->line);
  const char *text = kl_line_text(e->line, &n);
  kl_lua_indent(text, n, cursor, &lead, &want, &next);
  size_t start = cursor;
  while (start > 0 && text[start - 1] != '\n')
    start--;
  if (want < lead && cursor >= start + lead && kl_line_replace(e->line, start, start + (lead - want), "", 0))
    kl_line_move_to(e->line, cursor - (lead - want));
  return next;
}

bool kl_line_editor_newline(kl_line_editor *e) {
  static const char blanks[] = "                                                                ";
  size_t next = settle_indent(e);
  if (next > sizeof blanks - 1) next = sizeof blanks - 1;
  kl_buf b = {0};
  kl_buf_char(&b, '\n');
  kl_buf_add(&b, blanks, next);
  bool ok = !b.failed && kl_line_insert(e->line, b.data, b.len);
  kl_buf_free(&b);
  return ok;
}

/* ---- the history ---- */

static void show_entry(kl_line_editor *e, size_t at) {
  size_t n;
  const char *text = kl_history_at(e->history, at, &n);
  kl_line_set(e->line, text, n);
  e->at = at;
}

static bool begin_walk(kl_line_editor *e) {
  size_t n;
  const char *text = kl_line_text(e->line, &n);
  if (e->typed) return true;
  e->typed = malloc(n + 1);
  if (!e->typed) return false;
  memcpy(e->typed, text, n + 1);
  e->typed_n = n;
  e->by_prefix = n > 0 && kl_line_cursor(e->line) == n;
  return true;
}

static bool fits(const kl_line_editor *e, size_t at) {
  size_t n;
  const char *text = kl_history_at(e->history, at, &n);
  if (!e->by_prefix) return true;
  return n > e->typed_n && memcmp(text, e->typed, e->typed_n) == 0;
}

static kl_edit older(kl_line_editor *e) {
  if (!begin_walk(e)) return KL_EDIT_NONE;
  for (size_t at = e->at; at-- > 0;) {
    if (!fits(e, at)) continue;
    show_entry(e, at);
    return KL_EDIT_DONE;
  }
  return KL_EDIT_NONE;
}

static kl_edit newer(kl_line_editor *e) {
  if (!e->typed) return KL_EDIT_NONE;
  for (size_t at = e->at + 1; at < kl_history_count(e->history); at++) {
    if (!fits(e, at)) continue;
    show_entry(e, at);
    return KL_EDIT_DONE;
  }
  kl_line_set(e->line, e->typed, e->typed_n);
  end_walk(e);
  return KL_EDIT_DONE;
}

/* Alt-. : the last argument of the entry before; again: of the one before that, in its place. */
static kl_edit last_argument(kl_line_editor *e) {
  bool again = e->argument_at != SIZE_MAX;
  size_t at = again ? e->argument_at : kl_history_count(e->history);
  size_t start = again ? e->argument_from : kl_line_cursor(e->line);
  while (at-- > 0) {
    size_t n, from, to;
    const char *text = kl_history_at(e->history, at, &n);
    kl_lua_last_argument(text, n, &from, &to);
    if (from == to) continue;
    if (!kl_line_replace(e->line, start, kl_line_cursor(e->line), text + from, to - from)) return KL_EDIT_REFUSED;
    e->argument_at = at;
    e->argument_from = start;
    return KL_EDIT_DONE;
  }
  return KL_EDIT_NONE;
}

/* ---- the search ---- */

static kl_edit show_found(kl_line_editor *e) {
  if (e->search.failed || e->search.at >= kl_history_count(e->history)) return KL_EDIT_DONE;
  show_entry(e, e->search.at);
  kl_line_move_to(e->line, e->search.place);
  return KL_EDIT_DONE;
}

static kl_edit begin_search(kl_line_editor *e, bool forward) {
  size_t n;
  const char *text = kl_line_text(e->line, &n);
  kl_search_begin(&e->search, e->history, text, n, kl_line_cursor(e->line), e->at, forward);
  if (begin_walk(e)) e->by_prefix = false; /* arrows go on from what is found */
  return KL_EDIT_DONE;
}

/* Back to what was there before. */
static kl_edit give_up_search(kl_line_editor *e) {
  kl_line_set(e->line, e->search.before ? e->search.before : "", e->search.before_n);
  kl_line_move_to(e->line, e->search.before_cursor);
  if (e->search.before_at < kl_history_count(e->history))
    e->at = e->search.before_at;
  else
    end_walk(e);
  kl_search_end(&e->search);
  return KL_EDIT_DONE;
}

static kl_edit edit_key(kl_line_editor *e, const kl_key *key);

static kl_edit search_key(kl_line_editor *e, const kl_key *key) {
  bool letter = key->kind == KL_KEY_CHAR;
  if (letter && key->mods == KL_CTRL && (key->c == 'r' || key->c == 's')) {
    kl_search_again(&e->search, e->history, key->c == 's');
    return show_found(e);
  }
  if (letter && key->mods == KL_CTRL && key->c == 'g') return give_up_search(e);
  if (letter && key->mods == 0) {
    kl_search_type(&e->search, e->history, key->c);
    return show_found(e);
  }
  if (key->kind == KL_KEY_PASTE) {
    kl_search_paste(&e->search, e->history, key->text, key->n);
    return show_found(e);
  }
  if (key->kind == KL_KEY_BACKSPACE) {
    if (e->search.wanted.len == 0) return give_up_search(e);
    kl_search_shorten(&e->search, e->history);
    return show_found(e);
  }
  kl_search_end(&e->search); /* what was found is there to be edited, or to be run */
  return key->kind == KL_KEY_ESCAPE ? KL_EDIT_DONE : edit_key(e, key);
}

/* ---- the menu ---- */

static void put_choice(kl_line_editor *e) {
  const char *text = e->menu->items[e->menu->choice].text;
  kl_line_replace(e->line, e->menu_from, kl_line_cursor(e->line), text, strlen(text));
}

void kl_line_editor_offer(kl_line_editor *e, kl_menu_item *items, size_t count, size_t from, bool partial) {
  size_t n, cursor = kl_line_cursor(e->line);
  const char *text = kl_line_text(e->line, &n);
  close_menu(e);
  if (count == 0 || from > cursor || e->search.on) {
    kl_menu_items_free(items, count);
    return;
  }
  kl_menu *m = kl_menu_new(items, count, partial);
  if (!m) return;
  size_t common = kl_menu_common(m), typed = cursor - from;
  /* What was typed in other letters (a ticker in small ones) is replaced as soon as it is known to the end. */
  if (common >= typed && !partial && strncasecmp(m->items[0].text, text + from, typed) == 0)
    kl_line_replace(e->line, from, cursor, m->items[0].text, common);
  else if (count == 1 && !partial)
    kl_line_replace(e->line, from, cursor, m->items[0].text, strlen(m->items[0].text));
  if (count == 1 && !partial) {
    kl_menu_free(m);
    return;
  }
  text = kl_line_text(e->line, &n);
  cursor = kl_line_cursor(e->line);
  e->menu_typed_n = cursor - from;
  e->menu_typed = malloc(e->menu_typed_n + 1);
  if (!e->menu_typed) {
    kl_menu_free(m);
    return;
  }
  memcpy(e->menu_typed, text + from, e->menu_typed_n);
  e->menu = m;
  e->menu_from = from;
}

static bool menu_move(const kl_key *key, const kl_menu *m, kl_menu_move *move) {
  bool wide = m->columns > 1;
  switch (key->kind) {
  case KL_KEY_TAB:
    *move = key->mods & KL_SHIFT ? KL_MENU_BEFORE : KL_MENU_NEXT;
    return true;
  case KL_KEY_UP:
    *move = KL_MENU_UP;
    return true;
  case KL_KEY_DOWN:
    *move = KL_MENU_DOWN;
    return true;
  case KL_KEY_LEFT:
    *move = KL_MENU_BEFORE;
    return wide && m->chosen;
  case KL_KEY_RIGHT:
    *move = KL_MENU_NEXT;
    return wide && m->chosen;
  case KL_KEY_PAGE_UP:
    *move = KL_MENU_PAGE_UP;
    return true;
  case KL_KEY_PAGE_DOWN:
    *move = KL_MENU_PAGE_DOWN;
    return true;
  default:
    return false;
  }
}

static kl_edit menu_key(kl_line_editor *e, const kl_key *key) {
  kl_menu_move move;
  if (!(key->mods & (unsigned)(KL_ALT | KL_CTRL)) && menu_move(key, e->menu, &move)) {
    kl_menu_go(e->menu, move);
    put_choice(e);
    return KL_EDIT_DONE;
  }
  bool chosen = e->menu->chosen;
  if (key->kind == KL_KEY_ESCAPE || (key->kind == KL_KEY_CHAR && key->mods == KL_CTRL && key->c == 'g')) {
    if (chosen) kl_line_replace(e->line, e->menu_from, kl_line_cursor(e->line), e->menu_typed, e->menu_typed_n);
    close_menu(e);
    return KL_EDIT_DONE;
  }
  close_menu(e);
  return key->kind == KL_KEY_ENTER && chosen ? KL_EDIT_DONE : edit_key(e, key);
}

/* ---- editing ---- */

static kl_edit move(kl_line_editor *e, kl_motion m) {
  kl_line_move(e->line, m);
  return KL_EDIT_DONE;
}

static kl_edit tab_key(kl_line_editor *e, const kl_key *key) {
  size_t n, cursor = kl_line_cursor(e->line), at = cursor;
  const char *text = kl_line_text(e->line, &n);
  if (key->mods & KL_SHIFT) return KL_EDIT_NONE;
  while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t'))
    at--;
  if (n > 0 && (at == 0 || text[at - 1] == '\n')) /* before a line's text: indentation */
    return done(kl_line_insert(e->line, "  ", 2));
  return KL_EDIT_COMPLETE;
}

static kl_edit ctrl_key(kl_line_editor *e, uint32_t c) {
  size_t n;
  kl_line *l = e->line;
  switch (c) {
  case 'a':
    return move(e, KL_MOVE_LINE_START);
  case 'e':
    return move(e, KL_MOVE_LINE_END);
  case 'b':
    return move(e, KL_MOVE_LEFT);
  case 'f':
    return move(e, KL_MOVE_RIGHT);
  case 'p':
    return kl_line_up(l) ? KL_EDIT_DONE : older(e);
  case 'n':
    return kl_line_down(l) ? KL_EDIT_DONE : newer(e);
  case 'd':
    kl_line_text(l, &n);
    return n == 0 ? KL_EDIT_EOF : done(kl_line_delete(l, KL_MOVE_RIGHT));
  case 'k':
    return done(kl_line_kill(l, KL_MOVE_LINE_END));
  case 'u':
    return done(kl_line_kill(l, KL_MOVE_LINE_START));
  case 'w':
    return done(kl_line_kill(l, KL_MOVE_BLANK_LEFT));
  case 'y':
    return done(kl_line_yank(l));
  case 't':
    return done(kl_line_transpose(l));
  case '_':
  case '/':
    return done(kl_line_undo(l));
  case 'o':
    return done(kl_line_editor_newline(e));
  case 'r':
    return begin_search(e, false);
  case 's':
    return begin_search(e, true);
  case 'l':
    return KL_EDIT_CLEAR;
  default:
    return KL_EDIT_NONE;
  }
}

static kl_edit alt_key(kl_line_editor *e, uint32_t c) {
  switch (c) {
  case 'b':
    return move(e, KL_MOVE_WORD_LEFT);
  case 'f':
    return move(e, KL_MOVE_WORD_RIGHT);
  case 'd':
    return done(kl_line_kill(e->line, KL_MOVE_WORD_RIGHT));
  case 'y':
    return done(kl_line_yank_older(e->line));
  case 'u':
  case 'l':
  case 'c':
    return done(kl_line_change_case(e->line, (char)c));
  case '<':
    return move(e, KL_MOVE_START);
  case '>':
    return move(e, KL_MOVE_END);
  case 'p':
    return older(e);
  case 'n':
    return newer(e);
  default:
    return KL_EDIT_NONE;
  }
}

static kl_edit char_key(kl_line_editor *e, const kl_key *key) {
  if (key->mods & KL_CTRL) return key->mods & KL_ALT ? KL_EDIT_NONE : ctrl_key(e, key->c);
  if (key->mods & KL_ALT) return alt_key(e, key->c);
  return kl_line_type(e->line, key->c) ? KL_EDIT_DONE : KL_EDIT_REFUSED;
}

static kl_edit edit_key(kl_line_editor *e, const kl_key *key) {
  bool word = key->mods & (unsigned)(KL_ALT | KL_CTRL);
  switch (key->kind) {
  case KL_KEY_CHAR:
    return char_key(e, key);
  case KL_KEY_ENTER:
    if (key->mods & (unsigned)(KL_ALT | KL_SHIFT)) return done(kl_line_editor_newline(e));
    settle_indent(e);
    return KL_EDIT_ENTER;
  case KL_KEY_TAB:
    return tab_key(e, key);
  case KL_KEY_BACKSPACE:
    return done(word ? kl_line_kill(e->line, KL_MOVE_WORD_LEFT) : kl_line_delete(e->line, KL_MOVE_LEFT));
  case KL_KEY_DELETE:
    return done(word ? kl_line_kill(e->line, KL_MOVE_WORD_RIGHT) : kl_line_delete(e->line, KL_MOVE_RIGHT));
  case KL_KEY_UP:
    return kl_line_up(e->line) ? KL_EDIT_DONE : older(e);
  case KL_KEY_DOWN:
    return kl_line_down(e->line) ? KL_EDIT_DONE : newer(e);
  case KL_KEY_LEFT:
    return move(e, word ? KL_MOVE_WORD_LEFT : KL_MOVE_LEFT);
  case KL_KEY_RIGHT:
    return move(e, word ? KL_MOVE_WORD_RIGHT : KL_MOVE_RIGHT);
  case KL_KEY_HOME:
    return move(e, word ? KL_MOVE_START : KL_MOVE_LINE_START);
  case KL_KEY_END:
    return move(e, word ? KL_MOVE_END : KL_MOVE_LINE_END);
  case KL_KEY_PAGE_UP:
    return older(e);
  case KL_KEY_PAGE_DOWN:
    return newer(e);
  case KL_KEY_PASTE:
    if (key->cut) return KL_EDIT_REFUSED;
    return kl_line_insert(e->line, key->text, key->n) ? KL_EDIT_DONE : KL_EDIT_REFUSED;
  case KL_KEY_ESCAPE:
    return KL_EDIT_NONE;
  }
  return KL_EDIT_NONE;
}

kl_edit kl_line_editor_key(kl_line_editor *e, const kl_key *key) {
  bool letter = key->kind == KL_KEY_CHAR;
  if (letter && key->mods == KL_CTRL && key->c == 'c') return KL_EDIT_INTERRUPT;
  if (letter && key->mods == KL_ALT && (key->c == '.' || key->c == '_') && !e->search.on) {
    close_menu(e);
    return last_argument(e);
  }
  e->argument_at = SIZE_MAX;
  kl_edit what = e->search.on ? search_key(e, key) : e->menu ? menu_key(e, key) : edit_key(e, key);
  if (what == KL_EDIT_NONE) kl_line_settle(e->line);
  return what;
}
