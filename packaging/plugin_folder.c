/* Where libwebsockets looks for its event loops, in the archive that brings its libraries along. The folder is compiled
 * into the library; so this function stands in front of the library's own and names the folder of the archive. */
#include <dlfcn.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <unistd.h>

typedef int plugins_init(struct lws_plugin **list, const char *const *folders, const char *class, const char *filter,
                         each_plugin_cb_t each, void *data);

__attribute__((visibility("default"))) int lws_plugins_init(struct lws_plugin **list, const char *const *folders,
                                                            const char *class, const char *filter,
                                                            each_plugin_cb_t each, void *data) {
  plugins_init *next;
  /* ISO C has no conversion of a pointer to data into one to a function; POSIX says that this one works. */
  *(void **)&next = dlsym(RTLD_NEXT, "lws_plugins_init");
  if (!next) return 1;
  char folder[4096 + sizeof "/../lib/kalua"];
  ssize_t n = readlink("/proc/self/exe", folder, 4096);
  char *slash = n > 0 && n < 4096 ? memrchr(folder, '/', (size_t)n) : NULL;
  if (!slash) return next(list, folders, class, filter, each, data);
  snprintf(slash, sizeof "/../lib/kalua", "/../lib/kalua");
  const char *ours[] = {folder, NULL};
  return next(list, ours, class, filter, each, data);
}
