/* idgen.h for programs that link libidgen-full: with what stands behind IDGEN_FULL.
 *
 * `pkg-config --cflags idgen-full` leads here. Without pkg-config, define IDGEN_FULL.
 */

#ifndef IDGEN_FULL
#define IDGEN_FULL
#endif
#include "../idgen.h"
