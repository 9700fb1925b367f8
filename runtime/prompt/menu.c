#include "prompt/menu.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/text.h"

enum { GAP = 2 };

void kl_menu_items_free(kl_menu_item *items, size_t count) {
  for (size_t i = 0; i < count; i++) {
    free(items[i].text);
    free(items[i].hint);
  }
  free(items);
}

kl_menu *kl_menu_new(kl_menu_item *items, size_t count, bool partial) {
  kl_menu *m = calloc(1, sizeof *m);
  if (!m) {
    kl_menu_items_free(items, count);
    return NULL;
  }
  m->items = items;
  m->count = count;
  m->partial = partial;
  m->columns = m->rows = m->shown = 1;
  return m;
}

void kl_menu_free(kl_menu *m) {
  if (!m) return;
  kl_menu_items_free(m->items, m->count);
  free(m);
}

size_t kl_menu_common(const kl_menu *m) {
  const char *first = m->items[0].text;
  size_t common = strlen(first);
  for (size_t i = 1; i < m->count; i++) {
    size_t n = 0;
    while (n < common && m->items[i].text[n] == first[n])
      n++;
    common = n;
  }
  while (common > 0 && ((unsigned char)first[common] & 0xC0) == 0x80)
    common--;
  return common;
}

void kl_menu_lay_out(kl_menu *m, size_t columns, size_t rows) {
  size_t widest = 1;
  for (size_t i = 0; i < m->count; i++) {
    size_t width = kl_text_columns(m->items[i].text, strlen(m->items[i].text));
    if (width > widest) widest = width;
  }
  m->width = widest + GAP;
  if (m->width > columns) m->width = columns;
  m->columns = (columns + GAP) / (widest + GAP);
  if (m->columns > m->count) m->columns = m->count;
  if (m->columns < 1) m->columns = 1;
  m->rows = (m->count + m->columns - 1) / m->columns;
  if (rows < 1) rows = 1;
  m->shown = m->rows < rows ? m->rows : rows;
  size_t row = m->choice / m->columns;
  if (m->first > row) m->first = row;
  if (m->first + m->shown <= row) m->first = row - m->shown + 1;
  if (m->first + m->shown > m->rows) m->first = m->rows - m->shown;
}

void kl_menu_go(kl_menu *m, kl_menu_move move) {
  size_t last = m->count - 1, page = m->shown * m->columns;
  if (!m->chosen) {
    m->chosen = true;
    m->choice = move == KL_MENU_BEFORE || move == KL_MENU_UP ? last : 0;
    return;
  }
  switch (move) {
  case KL_MENU_NEXT:
    m->choice = m->choice == last ? 0 : m->choice + 1;
    break;
  case KL_MENU_BEFORE:
    m->choice = m->choice == 0 ? last : m->choice - 1;
    break;
  case KL_MENU_UP: /* from the first row to the last one of that column */
    if (m->choice >= m->columns) {
      m->choice -= m->columns;
    } else {
      while (m->choice + m->columns <= last)
        m->choice += m->columns;
    }
    break;
  case KL_MENU_DOWN:
    m->choice = m->choice + m->columns <= last ? m->choice + m->columns : m->choice % m->columns;
    break;
  case KL_MENU_PAGE_UP:
    m->choice = m->choice > page ? m->choice - page : 0;
    break;
  case KL_MENU_PAGE_DOWN:
    m->choice = last - m->choice > page ? m->choice + page : last;
    break;
  }
}
