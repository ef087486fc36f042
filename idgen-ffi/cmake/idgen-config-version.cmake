# Before 1.0 a minor version may break the programs that use it, after that a major one.

set(PACKAGE_VERSION "0.1.0")

string(REGEX MATCH "^0\\.[0-9]+|^[1-9][0-9]*" _idgen_line "${PACKAGE_VERSION}")
string(REGEX MATCH "^0\\.[0-9]+|^[1-9][0-9]*|^0$" _idgen_asked "${PACKAGE_FIND_VERSION}")

set(PACKAGE_VERSION_COMPATIBLE FALSE)
set(PACKAGE_VERSION_EXACT FALSE)
if(NOT PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION
   AND (_idgen_asked STREQUAL _idgen_line OR _idgen_asked STREQUAL "0" OR _idgen_asked STREQUAL ""))
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()

unset(_idgen_line)
unset(_idgen_asked)
