/* The completions that are offered, in columns below the text. Pure. */
#ifndef KL_PROMPT_MENU_H
#define KL_PROMPT_MENU_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kl_menu_item {
  char *text; /* what is put in; owned, clean (kl_text_clean) */
  char *hint; /* about it; owned, may be NULL */
} kl_menu_item;

typedef struct kl_menu {
  kl_menu_item *items; /* owned */
  size_t count;
  bool partial;  /* there are more than these */
  bool chosen;   /* whether one is */
  size_t choice; /* which */
  /* As kl_menu_lay_out left it. */
  size_t columns, rows; /* of the whole */
  size_t width;         /* of a column, with the space behind it */
  size_t first, shown;  /* rows that are in sight */
} kl_menu;

/* The items are taken. NULL when memory is out. */
kl_menu *kl_menu_new(kl_menu_item *items, size_t count, bool partial);
void kl_menu_free(kl_menu *m); /* takes NULL */
void kl_menu_items_free(kl_menu_item *items, size_t count);
/* For so many columns of the terminal and at most so many rows. */
void kl_menu_lay_out(kl_menu *m, size_t columns, size_t rows);
typedef enum kl_menu_move {
  KL_MENU_NEXT,
  KL_MENU_BEFORE,
  KL_MENU_UP,
  KL_MENU_DOWN,
  KL_MENU_PAGE_UP,
  KL_MENU_PAGE_DOWN
} kl_menu_move;
void kl_menu_go(kl_menu *m, kl_menu_move move);
/* Bytes that all items have in common at their begin, whole characters. */
size_t kl_menu_common(const kl_menu *m);

#endif
