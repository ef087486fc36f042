/* idgen.hpp for programs that link libidgen-full: see idgen.h beside it. */

#ifndef IDGEN_FULL
#define IDGEN_FULL
#endif
#include "../idgen.hpp"
