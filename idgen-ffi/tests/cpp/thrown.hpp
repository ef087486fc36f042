// What a call throws.

#ifndef IDGEN_TESTS_THROWN_HPP
#define IDGEN_TESTS_THROWN_HPP

#include <idgen.hpp>

template <class Call>
idgen::status thrown(Call&& call) {
    try {
        call();
    } catch (const idgen::error& error) {
        return error.status();
    }
    return idgen::status::ok;
}

#endif
