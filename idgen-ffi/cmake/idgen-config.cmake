# find_package(idgen) brings the targets
#
#   idgen::idgen   the shared library
#   idgen::static  the static library, with the system libraries that it needs
#
# whichever of them is installed, and the variable idgen_VERSION. CMake 3.21 or newer.

# From <prefix>/share/cmake/idgen.
get_filename_component(_idgen_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(_idgen_suffixes lib lib64)
if(CMAKE_LIBRARY_ARCHITECTURE)
  list(INSERT _idgen_suffixes 0 "lib/${CMAKE_LIBRARY_ARCHITECTURE}")
endif()

find_path(_idgen_include idgen.h
  PATHS "${_idgen_prefix}" PATH_SUFFIXES include NO_DEFAULT_PATH NO_CACHE)
find_library(_idgen_shared
  NAMES "${CMAKE_SHARED_LIBRARY_PREFIX}idgen${CMAKE_SHARED_LIBRARY_SUFFIX}"
  PATHS "${_idgen_prefix}" PATH_SUFFIXES ${_idgen_suffixes} NO_DEFAULT_PATH NO_CACHE)
find_library(_idgen_static
  NAMES "${CMAKE_STATIC_LIBRARY_PREFIX}idgen${CMAKE_STATIC_LIBRARY_SUFFIX}"
  PATHS "${_idgen_prefix}" PATH_SUFFIXES ${_idgen_suffixes} NO_DEFAULT_PATH NO_CACHE)

if(_idgen_include AND _idgen_shared AND NOT TARGET idgen::idgen)
  add_library(idgen::idgen SHARED IMPORTED)
  set_target_properties(idgen::idgen PROPERTIES
    IMPORTED_LOCATION "${_idgen_shared}"
    INTERFACE_INCLUDE_DIRECTORIES "${_idgen_include}")
endif()

if(_idgen_include AND _idgen_static AND NOT TARGET idgen::static)
  add_library(idgen::static STATIC IMPORTED)
  set_target_properties(idgen::static PROPERTIES
    IMPORTED_LOCATION "${_idgen_static}"
    IMPORTED_LINK_INTERFACE_LANGUAGES C
    INTERFACE_INCLUDE_DIRECTORIES "${_idgen_include}")
  if(UNIX AND NOT APPLE)
    set_property(TARGET idgen::static PROPERTY INTERFACE_LINK_LIBRARIES
      gcc_s util rt pthread m dl c)
  endif()
endif()

if(NOT TARGET idgen::idgen AND NOT TARGET idgen::static)
  set(idgen_FOUND FALSE)
  set(idgen_NOT_FOUND_MESSAGE
    "no libidgen beside this file, under ${_idgen_prefix}: install it with cargo cinstall")
endif()

unset(_idgen_prefix)
unset(_idgen_suffixes)
unset(_idgen_include)
unset(_idgen_shared)
unset(_idgen_static)
