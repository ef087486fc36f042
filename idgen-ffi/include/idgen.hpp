// idgen: unique 64-bit ids, safe by value; idgen.h for C++17 and later.
//
// Header only: link libidgen as for C. What is issued and why it is unique stands in idgen.h; here
// is what C++ adds.
//
//     idgen::segment_cursor orders;
//     orders.supply({1, 1, 1000});
//     std::uint64_t id = orders.next();
//     for (std::uint64_t line : orders.take(10))
//         insert(id, line);
//
// Ownership. Cursors, generators, buckets, handles and paces hold their block of memory in
// themselves: nothing is allocated. They can be neither copied nor moved, because a copy would
// issue the ids of its original, and because threads and handles know them by their address. Keep
// them where they are made: in a static, a member, a std::unique_ptr or a std::optional. Destroying
// one ends it. A handle's cursor or generator must outlive it. Ranges, leases and layouts are plain
// values.
//
// Errors. Calls throw idgen::error. Where IDGEN_NO_EXCEPTIONS is defined before this header, or
// exceptions are switched off, the same calls return idgen::result instead, and a constructor that
// fails says why in made(). What begins with try_ returns a result either way and never throws:
// take it on hot paths, where EXHAUSTED and NOT_YET are ordinary answers. Parts of one program may
// be built in either way.
//
// Threads. Cursors, generators and buckets: any number at once. Handles and paces: one at a time.
//
// Time is a moment: Unix milliseconds, std::chrono, or the system's clock (the default).

#ifndef IDGEN_HPP
#define IDGEN_HPP

#include <idgen.h>

#if __cplusplus < 201703L && (!defined(_MSVC_LANG) || _MSVC_LANG < 201703L)
#error "idgen.hpp needs C++17 or later"
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define IDGEN_HAS_EXCEPTIONS_ 1
#else
#define IDGEN_HAS_EXCEPTIONS_ 0
#ifndef IDGEN_NO_EXCEPTIONS
#define IDGEN_NO_EXCEPTIONS 1
#endif
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#if IDGEN_HAS_EXCEPTIONS_
#include <exception>
#include <stdexcept>
#endif
#if __cplusplus >= 202002L && defined(__has_include)
#if __has_include(<ranges>)
#include <ranges>
#endif
#endif

namespace idgen {
// The two ways of reporting errors have names of their own, so that both may be linked into one
// program.
#ifdef IDGEN_NO_EXCEPTIONS
inline namespace returning {
#else
inline namespace throwing {
#endif

/// What a call answers; the numbers are those of idgen_status. New ones may be added.
enum class status : std::int32_t {
    ok = IDGEN_STATUS_OK,
    exhausted = IDGEN_STATUS_EXHAUSTED,
    not_yet = IDGEN_STATUS_NOT_YET,
    ended = IDGEN_STATUS_ENDED,
    null = IDGEN_STATUS_NULL,
    misaligned = IDGEN_STATUS_MISALIGNED,
    bad_state = IDGEN_STATUS_BAD_STATE,
    out_of_range = IDGEN_STATUS_OUT_OF_RANGE,
    busy = IDGEN_STATUS_BUSY,
    not_above = IDGEN_STATUS_NOT_ABOVE,
    overlaps = IDGEN_STATUS_OVERLAPS,
    unknown = IDGEN_STATUS_UNKNOWN,
    bad_text = IDGEN_STATUS_BAD_TEXT,
    buffer_too_small = IDGEN_STATUS_BUFFER_TOO_SMALL,
    bad_layout = IDGEN_STATUS_BAD_LAYOUT,
    bad_lease = IDGEN_STATUS_BAD_LEASE,
    layout_ended = IDGEN_STATUS_LAYOUT_ENDED,
    foreign_lease = IDGEN_STATUS_FOREIGN_LEASE,
    word_full = IDGEN_STATUS_WORD_FULL,
    source_failed = IDGEN_STATUS_SOURCE_FAILED,
    no_clock = IDGEN_STATUS_NO_CLOCK,
    internal = IDGEN_STATUS_INTERNAL,
    unavailable = IDGEN_STATUS_UNAVAILABLE,
    deadline = IDGEN_STATUS_DEADLINE,
    frozen = IDGEN_STATUS_FROZEN,
    unknown_sequence = IDGEN_STATUS_UNKNOWN_SEQUENCE,
    conflict = IDGEN_STATUS_CONFLICT,
    bad_url = IDGEN_STATUS_BAD_URL,
    bad_name = IDGEN_STATUS_BAD_NAME,
    sequence_ended = IDGEN_STATUS_SEQUENCE_ENDED,
    workers_taken = IDGEN_STATUS_WORKERS_TAKEN,
    lease_lost = IDGEN_STATUS_LEASE_LOST,
    in_use = IDGEN_STATUS_IN_USE,
};

/// An English sentence: what a status means and what to do next. A string that lives as long as
/// the program.
[[nodiscard]] inline const char* message(status why) noexcept {
    return idgen_status_str(static_cast<std::int32_t>(why));
}

/// Whether the library at hand has the binary interface that this program was built for.
[[nodiscard]] inline bool abi_matches() noexcept {
    return idgen_abi_version() == IDGEN_ABI_VERSION;
}

/// The version of the library at hand, such as "0.1.0".
[[nodiscard]] inline const char* version() noexcept { return idgen_version(); }

#ifndef IDGEN_NO_EXCEPTIONS
/// What calls throw. what() is message(), or more where more is known.
class error : public std::runtime_error {
public:
    explicit error(idgen::status why, std::uint64_t wait_ms = 0)
        : std::runtime_error(message(why)), why_(why), wait_ms_(wait_ms) {}
    error(idgen::status why, const std::string& what) : std::runtime_error(what), why_(why) {}

    [[nodiscard]] idgen::status status() const noexcept { return why_; }
    /// After not_yet: how many milliseconds to wait before the next call; else 0.
    [[nodiscard]] std::uint64_t wait_ms() const noexcept { return wait_ms_; }

private:
    idgen::status why_;
    std::uint64_t wait_ms_ = 0;
};
#endif

namespace detail {
/// value() of a result that has none.
[[noreturn]] inline void fail(status why, std::uint64_t wait_ms) {
#ifdef IDGEN_NO_EXCEPTIONS
    static_cast<void>(why);
    static_cast<void>(wait_ms);
    std::abort();
#else
    throw error(why, wait_ms);
#endif
}

/// Why a result has no value; ok if it has one.
class verdict {
public:
    [[nodiscard]] bool has_value() const noexcept { return why_ == idgen::status::ok; }
    explicit operator bool() const noexcept { return has_value(); }
    /// Why there is no value; ok if there is one.
    [[nodiscard]] idgen::status error() const noexcept { return why_; }
    /// After not_yet: how many milliseconds to wait before the next call; else 0.
    [[nodiscard]] std::uint64_t wait_ms() const noexcept { return wait_ms_; }
    /// The same for std::this_thread::sleep_for.
    [[nodiscard]] std::chrono::milliseconds wait() const noexcept {
        // Waits are far below 2^63.
        return std::chrono::milliseconds(static_cast<std::int64_t>(wait_ms_));
    }

protected:
    verdict() = default;
    verdict(idgen::status why, std::uint64_t wait_ms) noexcept : why_(why), wait_ms_(wait_ms) {}
    void demand() const {
        if (!has_value()) fail(why_, wait_ms_);
    }

private:
    idgen::status why_ = idgen::status::ok;
    std::uint64_t wait_ms_ = 0;
};
}  // namespace detail

/// A value, or why there is none; in the manner of std::expected.
///
///     if (auto id = orders.try_next())
///         insert(*id);
///     else
///         std::fprintf(stderr, "orders: %s\n", idgen::message(id.error()));
///
/// value() where there is none throws idgen::error; it aborts where errors are returned. Operators
/// * and -> do not look: ask first.
template <class T>
class [[nodiscard]] result : public detail::verdict {
public:
    result(T value) noexcept : value_(std::move(value)) {}
    /// A failure; one for status::ok is a defect and becomes internal.
    result(idgen::status why, std::uint64_t wait_ms = 0) noexcept
        : verdict(why == idgen::status::ok ? idgen::status::internal : why, wait_ms) {}

    [[nodiscard]] const T& value() const& { return demand(), value_; }
    [[nodiscard]] T&& value() && { return demand(), std::move(value_); }
    [[nodiscard]] const T& operator*() const& noexcept { return value_; }
    [[nodiscard]] T&& operator*() && noexcept { return std::move(value_); }
    [[nodiscard]] const T* operator->() const noexcept { return &value_; }
    template <class U>
    [[nodiscard]] T value_or(U&& other) const {
        return has_value() ? value_ : static_cast<T>(std::forward<U>(other));
    }

private:
    T value_{};
};

/// Done, or why not.
template <>
class [[nodiscard]] result<void> : public detail::verdict {
public:
    result() = default;
    /// status::ok: done.
    result(idgen::status why, std::uint64_t wait_ms = 0) noexcept : verdict(why, wait_ms) {}
    void value() const { demand(); }
};

#ifdef IDGEN_NO_EXCEPTIONS
/// What calls return: a result.
template <class T>
using answer = result<T>;
#else
/// What calls return: the value itself; failures are thrown.
template <class T>
using answer = T;
#endif

namespace detail {
#ifdef IDGEN_NO_EXCEPTIONS
template <class T>
result<T> settled(result<T> of) noexcept {
    return of;
}
#else
template <class T>
T settled(result<T> of) {
    return std::move(of).value();
}
inline void settled(const result<void>& of) { of.value(); }
#endif

inline status as_status(idgen_status why) noexcept { return static_cast<status>(why); }

/// What a call of idgen.h wrote, if it answered so.
template <class T>
result<T> written(idgen_status why, T value, std::uint64_t wait_ms = 0) noexcept {
    if (why == IDGEN_STATUS_OK) return result<T>(std::move(value));
    return result<T>(as_status(why), why == IDGEN_STATUS_NOT_YET ? wait_ms : 0);
}

/// A block of idgen.h in its place for life.
template <class Block>
class placed {
public:
    // A copy would issue the ids of its original; handles and threads know it by its address.
    placed(const placed&) = delete;
    placed& operator=(const placed&) = delete;

    /// The block, for functions of idgen.h.
    [[nodiscard]] Block* native() noexcept { return &block_; }
    [[nodiscard]] const Block* native() const noexcept { return &block_; }

#ifdef IDGEN_NO_EXCEPTIONS
    /// What the constructor came to. After a failure every call answers bad_state.
    [[nodiscard]] result<void> made() const noexcept { return result<void>(made_); }
#endif

protected:
    placed() = default;
    ~placed() = default;
    void make(idgen_status why) {
#ifdef IDGEN_NO_EXCEPTIONS
        made_ = as_status(why);
#else
        if (why != IDGEN_STATUS_OK) fail(as_status(why), 0);
#endif
    }

private:
    Block block_{};
#ifdef IDGEN_NO_EXCEPTIONS
    status made_ = status::internal;
#endif
};
}  // namespace detail

/// A point in time on the system's clock, to the millisecond.
using time_ms = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// The time that a call goes by: Unix milliseconds as a number, a std::chrono duration since 1970,
/// a time point of the system's clock, or one of the constants now and now_coarse.
///
/// Durations and time points are rounded down to milliseconds. Times before 1970 become a number
/// that every call answers with out_of_range.
class moment {
public:
    template <class Number, std::enable_if_t<std::is_integral_v<Number>, int> = 0>
    constexpr moment(Number unix_ms) noexcept : raw_(static_cast<std::uint64_t>(unix_ms)) {
        static_assert(sizeof(Number) <= sizeof(std::uint64_t), "64 bits hold any time");
        if constexpr (std::is_signed_v<Number>) {
            if (unix_ms < 0) raw_ = before_1970;
        }
    }
    template <class Rep, class Period>
    constexpr moment(std::chrono::duration<Rep, Period> since_1970) noexcept
        : moment(std::chrono::floor<std::chrono::milliseconds>(since_1970).count()) {}
    template <class Duration>
    constexpr moment(std::chrono::time_point<std::chrono::system_clock, Duration> time) noexcept
        : moment(time.time_since_epoch()) {}

    /// As functions of idgen.h take it.
    [[nodiscard]] constexpr std::uint64_t raw() const noexcept { return raw_; }

private:
    static constexpr std::uint64_t before_1970 = IDGEN_MAX_UNIX_MS;
    std::uint64_t raw_;
};

/// The system's clock, exact to the millisecond, read in about 20 ns.
inline constexpr moment now{IDGEN_NOW};
/// The system's coarse clock, read in about 3 ns; up to 4 ms behind. See IDGEN_NOW_COARSE.
inline constexpr moment now_coarse{IDGEN_NOW_COARSE};

/// Ids start, start + step, ... : len of them, or none. A plain value, iterable without any array:
///
///     for (std::uint64_t id : orders.take(10)) insert(id);
///
/// Everything issued is at least one id; what is left over or handed back may be none.
struct range : idgen_range {
    using value_type = std::uint64_t;
    using size_type = std::uint64_t;
    using difference_type = std::int64_t;

    /// Random access to ids that are computed, not stored: `*it` is a value. It does not refer to
    /// the range and may outlive it.
    class iterator {
    public:
        using iterator_category = std::random_access_iterator_tag;
        using value_type = std::uint64_t;
        using difference_type = std::int64_t;
        using pointer = const std::uint64_t*;
        using reference = std::uint64_t;

        constexpr iterator() = default;
        constexpr std::uint64_t operator*() const noexcept { return start_ + at_ * step_; }
        constexpr std::uint64_t operator[](std::int64_t n) const noexcept { return *(*this + n); }
        constexpr iterator& operator++() noexcept { return *this += 1; }
        constexpr iterator& operator--() noexcept { return *this += -1; }
        constexpr iterator operator++(int) noexcept {
            const iterator old = *this;
            return ++*this, old;
        }
        constexpr iterator operator--(int) noexcept {
            const iterator old = *this;
            return --*this, old;
        }
        constexpr iterator& operator+=(std::int64_t n) noexcept {
            at_ += static_cast<std::uint64_t>(n);
            return *this;
        }
        constexpr iterator& operator-=(std::int64_t n) noexcept {
            at_ -= static_cast<std::uint64_t>(n);
            return *this;
        }
        friend constexpr iterator operator+(iterator it, std::int64_t n) noexcept {
            return it += n;
        }
        friend constexpr iterator operator+(std::int64_t n, iterator it) noexcept {
            return it += n;
        }
        friend constexpr iterator operator-(iterator it, std::int64_t n) noexcept {
            return it -= n;
        }
        friend constexpr std::int64_t operator-(iterator a, iterator b) noexcept {
            return static_cast<std::int64_t>(a.at_ - b.at_);
        }
        friend constexpr bool operator==(iterator a, iterator b) noexcept { return a.at_ == b.at_; }
        friend constexpr bool operator!=(iterator a, iterator b) noexcept { return a.at_ != b.at_; }
        friend constexpr bool operator<(iterator a, iterator b) noexcept { return a.at_ < b.at_; }
        friend constexpr bool operator>(iterator a, iterator b) noexcept { return a.at_ > b.at_; }
        friend constexpr bool operator<=(iterator a, iterator b) noexcept { return a.at_ <= b.at_; }
        friend constexpr bool operator>=(iterator a, iterator b) noexcept { return a.at_ >= b.at_; }

    private:
        friend struct range;
        constexpr iterator(const idgen_range& of, std::uint64_t at) noexcept
            : start_(of.start), step_(of.step), at_(at) {}
        std::uint64_t start_ = 0;
        std::uint64_t step_ = 1;
        std::uint64_t at_ = 0;
    };
    using const_iterator = iterator;

    /// No ids.
    constexpr range() noexcept : idgen_range{0, 1, 0} {}
    constexpr range(std::uint64_t first, std::uint64_t step_of, std::uint64_t count) noexcept
        : idgen_range{first, step_of, count} {}
    constexpr range(const idgen_range& of) noexcept : idgen_range(of) {}

    [[nodiscard]] constexpr iterator begin() const noexcept { return {*this, 0}; }
    [[nodiscard]] constexpr iterator end() const noexcept { return {*this, len}; }
    [[nodiscard]] constexpr std::uint64_t size() const noexcept { return len; }
    [[nodiscard]] constexpr bool empty() const noexcept { return len == 0; }
    /// The first and lowest id; there must be one.
    [[nodiscard]] constexpr std::uint64_t front() const noexcept { return start; }
    /// The last and highest id; there must be one.
    [[nodiscard]] constexpr std::uint64_t back() const noexcept { return (*this)[len - 1]; }
    /// The id at `at`, below size().
    [[nodiscard]] constexpr std::uint64_t operator[](std::uint64_t at) const noexcept {
        return start + at * step;
    }
    /// Whether the id is one of these.
    [[nodiscard]] constexpr bool contains(std::uint64_t id) const noexcept {
        return id >= start && step != 0 && (id - start) % step == 0 && (id - start) / step < len;
    }
    friend constexpr bool operator==(const range& a, const range& b) noexcept {
        return a.start == b.start && a.step == b.step && a.len == b.len;
    }
    friend constexpr bool operator!=(const range& a, const range& b) noexcept { return !(a == b); }
};

/// The right to stamp one worker id on times from a floor up to, not including, a horizon; see
/// idgen_lease for its members.
///
/// Whoever passes one to a generator promises that no other generator, on any machine, at any
/// time, was or will be given any moment of it for this worker id.
struct lease : idgen_lease {
    constexpr lease() noexcept : idgen_lease{} {}
    constexpr lease(const idgen_lease& of) noexcept : idgen_lease(of) {}

    /// A lease on your own word.
    ///
    ///     const auto t = std::chrono::system_clock::now();
    ///     idgen::snowflake ids(layout, idgen::lease::assume(7, t, t + 10s));
    [[nodiscard]] static constexpr lease assume(std::uint64_t worker_id, moment floor_at,
                                                moment horizon_at) noexcept {
        lease assumed;
        assumed.worker = worker_id;
        assumed.floor_unix_ms = floor_at.raw();
        assumed.horizon_unix_ms = horizon_at.raw();
        return assumed;
    }
    /// The same lease with another horizon: a renewal, for extend().
    [[nodiscard]] constexpr lease until(moment horizon_at) const noexcept {
        lease renewed(*this);
        renewed.horizon_unix_ms = horizon_at.raw();
        return renewed;
    }
    friend constexpr bool operator==(const lease& a, const lease& b) noexcept {
        return a.worker == b.worker && a.floor_unix_ms == b.floor_unix_ms &&
               a.floor_sequence == b.floor_sequence && a.horizon_unix_ms == b.horizon_unix_ms &&
               a.serial == b.serial && a.nonce == b.nonce;
    }
    friend constexpr bool operator!=(const lease& a, const lease& b) noexcept { return !(a == b); }
};

/// The parts of an id; see idgen_decoded for its members.
struct decoded : idgen_decoded {
    constexpr decoded() noexcept : idgen_decoded{} {}
    constexpr decoded(const idgen_decoded& of) noexcept : idgen_decoded(of) {}
    /// When the id's tick begins.
    [[nodiscard]] constexpr time_ms time() const noexcept {
        return time_ms(std::chrono::milliseconds(static_cast<std::int64_t>(unix_ms)));
    }
};

/// What follows from a layout; see idgen_layout_facts.
using layout_facts = idgen_layout_facts;

struct preset;

/// Numbers of yours to be read: a list in braces, an array, a std::vector, a std::span. Only for
/// parameters.
class numbers {
public:
    numbers(std::initializer_list<std::uint64_t> list) noexcept : size_(list.size()) {
        // As a parameter it outlives the call.
        data_ = list.begin();
    }
    numbers(const std::uint64_t* data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <class Numbers, class = std::enable_if_t<std::is_convertible_v<
                                 decltype(std::data(std::declval<const Numbers&>())),
                                 const std::uint64_t*>>>
    numbers(const Numbers& of) noexcept : data_(std::data(of)), size_(std::size(of)) {}
    [[nodiscard]] const std::uint64_t* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    const std::uint64_t* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Room of yours for ids to be written: an array, a std::vector, a std::span, or {pointer, count}.
/// Only for parameters.
class room {
public:
    room(std::uint64_t* data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <class Ids, class = std::enable_if_t<std::is_convertible_v<
                             decltype(std::data(std::declval<Ids&>())), std::uint64_t*>>>
    room(Ids&& of) noexcept : data_(std::data(of)), size_(std::size(of)) {}
    [[nodiscard]] std::uint64_t* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    std::uint64_t* data_;
    std::size_t size_;
};

/// What a fill came to. The first `count` ids are yours whatever `why` says.
struct [[nodiscard]] filling {
    /// How many ids were written, from the front.
    std::size_t count = 0;
    /// ok: the room is full; else why it is not.
    idgen::status why = idgen::status::ok;
    /// After not_yet: how many milliseconds to wait before the next call; else 0.
    std::uint64_t wait_ms = 0;

    explicit operator bool() const noexcept { return why == idgen::status::ok; }
};

/// Which bits of an id mean what; see idgen_layout for its members. A plain value: start from a
/// preset, from plan(), or build your own from the highest bits down.
///
///     auto standard = idgen::layout::preset("standard");
///     auto own = idgen::layout::of(1'735'689'600'000, 10ms, 39).node("machine", 16).sequence(8);
struct layout : idgen_layout {
    constexpr layout() noexcept : idgen_layout{} {}
    constexpr layout(const idgen_layout& of) noexcept : idgen_layout(of) {}

    /// The layout of a preset: "standard" unless you have a reason for another.
    ///
    /// unknown: there is none of this name; preset_at() lists them.
    [[nodiscard]] static answer<layout> preset(std::string_view name) {
        // Names in idgen.h end with a NUL; none is as long as this, or holds one.
        char ended[64] = {};
        layout of;
        auto why = IDGEN_STATUS_UNKNOWN;
        if (name.size() < sizeof ended && name.find('\0') == name.npos) {
            name.copy(ended, sizeof ended - 1);
            why = idgen_layout_preset(ended, &of);
        }
        return detail::settled(detail::written(why, of));
    }

    /// The preset at `index`, counted from 0, with its name; unknown behind the last.
    [[nodiscard]] static inline result<idgen::preset> preset_at(std::size_t index) noexcept;

    /// Proposes a layout for `nodes` generators of `ids_per_second` each, for `years` years from
    /// 2025; `js_safe`: below 2^53. All numbers at least 1.
    ///
    /// out_of_range: a number is 0, or no layout does all that.
    [[nodiscard]] static answer<layout> plan(std::uint64_t nodes, std::uint64_t ids_per_second,
                                             std::uint64_t years, bool js_safe = false) {
        layout of;
        const auto why = idgen_layout_plan(nodes, ids_per_second, years, js_safe ? 1 : 0, &of);
        return detail::settled(detail::written(why, of));
    }

    /// Begins a layout of your own: 63 bits, no fields yet. check() says whether it holds together.
    [[nodiscard]] static constexpr layout of(moment epoch, std::chrono::milliseconds tick,
                                             std::uint32_t bits_of_time) noexcept {
        layout begun;
        begun.epoch_unix_ms = epoch.raw();
        // What is negative is far too long, which check() tells.
        begun.tick_ms = static_cast<std::uint64_t>(tick.count());
        begun.time_bits = bits_of_time;
        return begun;
    }
    /// The same layout with a field for a part of the worker id below what it has.
    [[nodiscard]] layout node(std::string_view name, std::uint32_t bits) const noexcept {
        return with(name, bits, IDGEN_ROLE_NODE);
    }
    /// The same layout with a field for the bucket below what it has.
    [[nodiscard]] layout bucket(std::string_view name, std::uint32_t bits) const noexcept {
        return with(name, bits, IDGEN_ROLE_BUCKET);
    }
    /// The same layout with a field for the sequence number below what it has.
    [[nodiscard]] layout sequence(std::uint32_t bits) const noexcept {
        return with("sequence", bits, IDGEN_ROLE_SEQUENCE);
    }

    /// Checks the layout. bad_layout: what() and flaw() say why.
    answer<void> check() const {
        const auto why = idgen_layout_check(this, nullptr, 0);
#ifndef IDGEN_NO_EXCEPTIONS
        if (why == IDGEN_STATUS_BAD_LAYOUT) throw error(status::bad_layout, flaw());
#endif
        return detail::settled(result<void>(detail::as_status(why)));
    }
    /// Why this is no layout, in an English sentence; empty if it is one.
    [[nodiscard]] std::string flaw() const {
        char why[256] = {};
        static_cast<void>(idgen_layout_check(this, why, sizeof why));
        return why;
    }

    /// What follows from the layout. bad_layout.
    [[nodiscard]] answer<layout_facts> describe() const {
        layout_facts facts{};
        const auto why = idgen_layout_describe(this, &facts);
        return detail::settled(detail::written(why, facts));
    }

    /// Takes an id apart. out_of_range: the id has bits above the layout's highest; bad_layout.
    [[nodiscard]] answer<decoded> decode(std::uint64_t id) const {
        decoded parts;
        const auto why = idgen_layout_decode(this, id, &parts);
        return detail::settled(detail::written(why, parts));
    }

    /// Puts an id together for the tick that holds `at`, from one value for each field, in the
    /// order of the layout's. It lies in no lease: for searches by time and for tests.
    ///
    /// out_of_range: a value does not fit its field, the time is outside the layout's, or there is
    /// not one value for each field; bad_layout.
    [[nodiscard]] answer<std::uint64_t> compose(moment at, numbers values) const {
        std::uint64_t id = 0;
        const auto why =
            idgen_layout_compose(this, at.raw(), values.data(), values.size(), &id);
        return detail::settled(detail::written(why, id));
    }

    /// The worker id that the values of the node fields make; one value for each field, of which
    /// those of other fields are not looked at. out_of_range, bad_layout as compose().
    [[nodiscard]] answer<std::uint64_t> worker(numbers values) const {
        std::uint64_t id = 0;
        const auto why = idgen_layout_worker(this, values.data(), values.size(), &id);
        return detail::settled(detail::written(why, id));
    }

private:
    /// What does not fit is left for check() to tell: a name without its NUL, a field too many.
    layout with(std::string_view name, std::uint32_t bits, std::uint32_t role) const noexcept {
        layout more(*this);
        if (field_count < IDGEN_MAX_FIELDS) {
            idgen_field& field = more.fields[field_count];
            field = idgen_field{};
            name.copy(field.name, sizeof field.name);
            field.bits = bits;
            field.role = role;
        }
        more.field_count++;
        return more;
    }
};

/// A layout with its name and what it is for.
struct preset {
    idgen::layout layout;
    char name[64] = {};
    char about[128] = {};
};

inline result<preset> layout::preset_at(std::size_t index) noexcept {
    idgen::preset at;
    const auto why = idgen_layout_preset_at(index, &at.layout, at.name, sizeof at.name, at.about,
                                            sizeof at.about);
    return detail::written(why, at);
}

/// A text form of an id. All but decimal sort as the ids do.
enum class form : std::uint32_t {
    /// 1 to 20 digits.
    decimal = IDGEN_FORM_DECIMAL,
    /// Crockford's base32 in upper case, 13 characters.
    base32 = IDGEN_FORM_BASE32,
    /// Base62 in the order of ASCII, 11 characters.
    base62 = IDGEN_FORM_BASE62,
    /// Lower case, 16 digits.
    hex = IDGEN_FORM_HEX,
};

/// An id as a text.
[[nodiscard]] inline answer<std::string> to_string(std::uint64_t id, form as = form::decimal) {
    char text[IDGEN_TEXT_SIZE] = {};
    const auto why =
        idgen_text_encode(id, static_cast<std::uint32_t>(as), text, sizeof text);
    return detail::settled(detail::written(why, std::string(text)));
}

/// Reads an id; strict: just what to_string() writes is read. bad_text: it is no id.
[[nodiscard]] inline answer<std::uint64_t> parse(std::string_view text, form as = form::decimal) {
    std::uint64_t id = 0;
    const auto why = idgen_text_decode(text.data(), text.size(),
                                       static_cast<std::uint32_t>(as), &id);
    return detail::settled(detail::written(why, id));
}

namespace detail {
/// What a source granted, from a range or from anything that holds one or not.
template <class Granted>
idgen_range unpacked(const Granted& granted) {
    if constexpr (std::is_convertible_v<const Granted&, idgen_range>) {
        return granted;
    } else {
        return granted ? static_cast<const idgen_range&>(*granted) : range();
    }
}

/// A source of the caller's as idgen.h wants it: nothing it throws crosses the library.
template <class Source>
struct asking {
    Source& source;
#if IDGEN_HAS_EXCEPTIONS_
    std::exception_ptr thrown = nullptr;
#endif

    void grant(std::uint64_t len, std::uint64_t above, idgen_range* segment) {
        *segment = unpacked(source(len, above));
    }

    static std::int32_t ask(void* context, std::uint64_t len, std::uint64_t above,
                            idgen_range* segment) noexcept {
        auto& self = *static_cast<asking*>(context);
#if IDGEN_HAS_EXCEPTIONS_
        try {
            self.grant(len, above, segment);
        } catch (...) {
            self.thrown = std::current_exception();
            return IDGEN_STATUS_SOURCE_FAILED;
        }
#else
        self.grant(len, above, segment);
#endif
        return IDGEN_STATUS_OK;
    }
};
}  // namespace detail

/// What take_exact yields.
struct exact {
    /// The ids, in one run.
    range ids;
    /// What the cursor skipped to find them, maybe nothing: yours to hand back to the store.
    range skipped;
};

/// What a cursor leaves, yours to hand back to the store; each may be nothing.
struct left_over {
    /// The rest of the segment at hand.
    range tail;
    /// The segment that waited.
    range standby;
};

/// A cursor: issues the ids of the segments that it is supplied, each once, to any number of
/// threads. Serial ids: leased from a store that counts up.
///
///     idgen::segment_cursor orders;
///     orders.refill([&](std::uint64_t len, std::uint64_t above) { return store(len, above); },
///                   100'000);
///     std::uint64_t id = orders.next();
///
/// Destroying it retires it, and what it had left is a gap: retire() first to hand that back.
class segment_cursor : public detail::placed<idgen_segment_cursor> {
public:
    /// An empty cursor: every call is exhausted until a segment is supplied.
    segment_cursor() { make(idgen_segment_init(native())); }
    ~segment_cursor() {
        idgen_range tail, standby;
        static_cast<void>(idgen_segment_retire(native(), &tail, &standby));
    }

    /// The next id. Ids rise for each thread, and over threads whenever one call ends before
    /// another begins. exhausted until a segment is supplied; ended after retire().
    [[nodiscard]] answer<std::uint64_t> next() { return detail::settled(try_next()); }
    [[nodiscard]] result<std::uint64_t> try_next() noexcept {
        std::uint64_t id = 0;
        const auto why = idgen_segment_next(native(), &id);
        return detail::written(why, id);
    }

    /// 1 to `max` ids of one segment; `max` is at least 1, and what is above 2^20 is not given at
    /// once. exhausted, ended as next(); out_of_range: `max` is 0.
    [[nodiscard]] answer<range> take(std::uint64_t max) { return detail::settled(try_take(max)); }
    [[nodiscard]] result<range> try_take(std::uint64_t max) noexcept {
        range ids;
        const auto why = idgen_segment_take(native(), max, &ids);
        return detail::written(why, ids);
    }

    /// Exactly `n` ids in one run, or none.
    ///
    /// exhausted: supply a segment of at least `n` ids and call again; ended; out_of_range: `n` is
    /// 0 or above 2^20.
    [[nodiscard]] answer<exact> take_exact(std::uint64_t n) {
        return detail::settled(try_take_exact(n));
    }
    [[nodiscard]] result<exact> try_take_exact(std::uint64_t n) noexcept {
        exact taken;
        const auto why = idgen_segment_take_exact(native(), n, &taken.ids, &taken.skipped);
        return detail::written(why, taken);
    }

    /// Fills `ids` from the front with rising ids. Why there may be fewer: exhausted, ended.
    filling fill(room ids) noexcept {
        filling done;
        done.why = detail::as_status(
            idgen_segment_fill(native(), ids.data(), ids.size(), &done.count));
        return done;
    }

    /// Gives the cursor a segment as its standby, above those supplied before. A new cursor's first
    /// segment waits as a standby too, until the first id is asked for. A segment that was refused
    /// is yours to hand back.
    ///
    /// busy: a standby waits already, another refill is under way, or the cursor has ended;
    /// not_above, overlaps; ended: the cursor ended meanwhile; out_of_range: no range, or more
    /// than 2^32 ids.
    answer<void> supply(range segment) { return detail::settled(try_supply(segment)); }
    result<void> try_supply(range segment) noexcept {
        return detail::as_status(idgen_segment_supply(native(), segment));
    }

    /// Asks `source` for about `len` ids above the highest it was supplied so far (0: none yet),
    /// and supplies them, if the cursor has no standby and no other refill is under way: true. Else
    /// false, and there was nothing to do.
    ///
    /// The source is called as source(len, above), at once and on this thread. It returns a range,
    /// or an optional or result of one; none, or none in it: source_failed. The one law: no id is
    /// ever granted twice, to whomever. What it throws, refill() throws on; try_refill() answers
    /// source_failed.
    ///
    /// not_above, overlaps, ended, out_of_range as supply(), and then what the source granted is
    /// written to `refused`, yours to hand back.
    template <class Source>
    answer<bool> refill(Source&& source, std::uint64_t len, range* refused = nullptr) {
        detail::asking<std::remove_reference_t<Source>> ask{source};
        auto done = refilled(ask, len, refused);
#ifndef IDGEN_NO_EXCEPTIONS
        if (ask.thrown) std::rethrow_exception(ask.thrown);
#endif
        return detail::settled(std::move(done));
    }
    template <class Source>
    result<bool> try_refill(Source&& source, std::uint64_t len, range* refused = nullptr) noexcept {
        detail::asking<std::remove_reference_t<Source>> ask{source};
        return refilled(ask, len, refused);
    }

    /// Whether it is time for a refill: no standby waits. Cheap enough to ask after every call.
    [[nodiscard]] answer<bool> needs_refill() const {
        std::uint32_t needed = 0;
        const auto why = idgen_segment_needs_refill(native(), &needed);
        return detail::settled(detail::written(why, needed != 0));
    }

    /// How many ids are at hand. Out of date as soon as it is read, if others take.
    [[nodiscard]] answer<std::uint64_t> remaining() const {
        std::uint64_t ids = 0;
        const auto why = idgen_segment_remaining(native(), &ids);
        return detail::settled(detail::written(why, ids));
    }

    /// How many ids were dropped and will never be issued.
    [[nodiscard]] answer<std::uint64_t> gaps() const {
        std::uint64_t ids = 0;
        const auto why = idgen_segment_gaps(native(), &ids);
        return detail::settled(detail::written(why, ids));
    }

    /// Ends the cursor for ever; ids taken before stay good, blocks of handles too.
    ///
    /// ended: it had ended before, and the one call that did it got what was left.
    [[nodiscard]] answer<left_over> retire() {
        left_over left;
        const auto why = idgen_segment_retire(native(), &left.tail, &left.standby);
        return detail::settled(detail::written(why, left));
    }

private:
    template <class Asking>
    result<bool> refilled(Asking& ask, std::uint64_t len, range* refused) noexcept {
        const auto why = idgen_segment_refill(native(), &Asking::ask, &ask, len, refused);
        if (why == IDGEN_STATUS_BUSY) return false;
        return detail::written(why, true);
    }
};

/// One thread's own block of a cursor's ids, some ten times faster than the cursor. The cursor
/// must outlive it. Destroying it gives the rest of its block back to the cursor where that is
/// possible; where it is not, the rest is a gap: give_back() first to hand it to the store.
class segment_handle : public detail::placed<idgen_segment_handle> {
public:
    /// Claims `block` ids of the cursor at a time, 1 to 2^20. out_of_range; bad_state: the cursor
    /// is none.
    explicit segment_handle(segment_cursor& cursor, std::uint64_t block = 1024) {
        make(idgen_segment_handle_init(native(), cursor.native(), block));
    }
    ~segment_handle() {
        idgen_range rest;
        static_cast<void>(idgen_segment_handle_give_back(native(), &rest));
    }

    /// The next id of the handle's block, or of a new one. Ids of one handle rise. exhausted, ended
    /// once the block is used up.
    [[nodiscard]] answer<std::uint64_t> next() { return detail::settled(try_next()); }
    [[nodiscard]] result<std::uint64_t> try_next() noexcept {
        std::uint64_t id = 0;
        const auto why = idgen_segment_handle_next(native(), &id);
        return detail::written(why, id);
    }

    /// 1 to `max` ids in one run: of the block while it lasts, else of the cursor.
    [[nodiscard]] answer<range> take(std::uint64_t max) { return detail::settled(try_take(max)); }
    [[nodiscard]] result<range> try_take(std::uint64_t max) noexcept {
        range ids;
        const auto why = idgen_segment_handle_take(native(), max, &ids);
        return detail::written(why, ids);
    }

    /// Fills `ids` from the front. Why there may be fewer: exhausted, ended.
    filling fill(room ids) noexcept {
        filling done;
        done.why = detail::as_status(
            idgen_segment_handle_fill(native(), ids.data(), ids.size(), &done.count));
        return done;
    }

    /// Ends the handle, gives the rest of its block back to the cursor, and returns what could not
    /// be given back, maybe nothing: yours to hand back to the store. Later calls are bad_state.
    [[nodiscard]] answer<range> give_back() {
        range rest;
        const auto why = idgen_segment_handle_give_back(native(), &rest);
        return detail::settled(detail::written(why, rest));
    }

    /// Ends the handle and returns the rest of its block, maybe nothing: yours to hand back to the
    /// store. Later calls are bad_state.
    [[nodiscard]] answer<range> end() {
        range rest;
        const auto why = idgen_segment_handle_end(native(), &rest);
        return detail::settled(detail::written(why, rest));
    }
};

/// Bounds and wishes of a pace; see idgen_pace_limits.
using pace_limits = idgen_pace_limits;

/// Decides how many ids to lease next from what the last ones lasted: rate x max(fetch x safety,
/// reserve), between two bounds; shrinks by halves when ids go slowly. One thread at a time.
class pace : public detail::placed<idgen_pace> {
public:
    /// 1000 to 2^32 ids, a reserve of 10 s, four fetches.
    pace() { make(idgen_pace_init(native(), nullptr)); }
    /// out_of_range: the limits contradict one another.
    explicit pace(const pace_limits& limits) { make(idgen_pace_init(native(), &limits)); }

    /// Tells that `issued` ids went in `elapsed` and that the last fetch took `fetch`. Once before
    /// each lease, with what went since the one before. out_of_range: a time is negative.
    answer<void> observe(std::uint64_t issued, std::chrono::milliseconds elapsed,
                         std::chrono::milliseconds fetch) {
        if (elapsed.count() < 0 || fetch.count() < 0) {
            return detail::settled(result<void>(status::out_of_range));
        }
        const auto why = idgen_pace_observe(native(), issued,
                                            static_cast<std::uint64_t>(elapsed.count()),
                                            static_cast<std::uint64_t>(fetch.count()));
        return detail::settled(result<void>(detail::as_status(why)));
    }

    /// How many ids to lease next.
    [[nodiscard]] answer<std::uint64_t> step() const {
        std::uint64_t len = 0;
        const auto why = idgen_pace_step(native(), &len);
        return detail::settled(detail::written(why, len));
    }
};

namespace detail {
/// A borrow window as idgen.h takes it; what is negative is out of range there.
inline std::uint64_t window_ms(std::chrono::milliseconds borrow) noexcept {
    return static_cast<std::uint64_t>(borrow.count());
}

/// A point in time that idgen.h wrote.
inline result<time_ms> time_written(idgen_status why, std::uint64_t unix_ms) noexcept {
    return written(why, time_ms(std::chrono::milliseconds(static_cast<std::int64_t>(unix_ms))));
}
}  // namespace detail

/// A generator of time-ordered ids, each once, for any number of threads. One lease makes one.
///
///     const auto t = std::chrono::system_clock::now();
///     const auto layout = idgen::layout::preset("standard");
///     idgen::snowflake ids(layout, idgen::lease::assume(7, t, t + 10s));
///     std::uint64_t id = ids.next();
///
/// Destroying it ends it, and the rest of its lease is lost: end() first to hand that back.
class snowflake : public detail::placed<idgen_snowflake> {
public:
    /// Ids are up to `borrow` ahead of the clock in a burst, 0 to 10 ms.
    ///
    /// bad_layout (also: it has a bucket field, see buckets), bad_lease, layout_ended;
    /// out_of_range: the borrow window.
    snowflake(const layout& of, const lease& granted,
              std::chrono::milliseconds borrow = std::chrono::milliseconds(10)) {
        make(idgen_snowflake_init(native(), &of, &granted, detail::window_ms(borrow)));
    }
    ~snowflake() {
        idgen_lease left;
        static_cast<void>(idgen_snowflake_end(native(), &left));
    }

    /// The next id. Ids rise for each thread, and over threads whenever one call ends before
    /// another begins.
    ///
    /// exhausted: the lease is used up to its horizon, extend it; not_yet: the clock is behind by
    /// more than the borrow window, or a burst has used it up: wait as long as wait_ms() says;
    /// ended; out_of_range: no time; no_clock.
    [[nodiscard]] answer<std::uint64_t> next(moment at = now) {
        return detail::settled(try_next(at));
    }
    [[nodiscard]] result<std::uint64_t> try_next(moment at = now) noexcept {
        std::uint64_t id = 0, wait_ms = 0;
        const auto why = idgen_snowflake_next(native(), at.raw(), &id, &wait_ms);
        return detail::written(why, id, wait_ms);
    }

    /// 1 to `max` ids of one tick; as next(). out_of_range: `max` is 0.
    [[nodiscard]] answer<range> take(std::uint64_t max, moment at = now) {
        return detail::settled(try_take(max, at));
    }
    [[nodiscard]] result<range> try_take(std::uint64_t max, moment at = now) noexcept {
        range ids;
        std::uint64_t wait_ms = 0;
        const auto why = idgen_snowflake_take(native(), at.raw(), max, &ids, &wait_ms);
        return detail::written(why, ids, wait_ms);
    }

    /// Fills `ids` from the front with rising ids. Why there may be fewer: as next().
    filling fill(room ids, moment at = now) noexcept {
        filling done;
        done.why = detail::as_status(idgen_snowflake_fill(native(), at.raw(), ids.data(),
                                                          ids.size(), &done.count, &done.wait_ms));
        return done;
    }

    /// Moves the horizon up to that of `renewal`, which has the same worker, serial and nonce; see
    /// lease::until(). A lower horizon changes nothing.
    ///
    /// foreign_lease; word_full: end the generator and make one from the lease it leaves; ended.
    answer<void> extend(const lease& renewal) {
        const auto why = idgen_snowflake_extend(native(), &renewal);
        return detail::settled(result<void>(detail::as_status(why)));
    }

    /// Where issuing stops (exclusive).
    [[nodiscard]] answer<time_ms> horizon() const {
        std::uint64_t unix_ms = 0;
        const auto why = idgen_snowflake_horizon(native(), &unix_ms);
        return detail::settled(detail::time_written(why, unix_ms));
    }

    /// Ends the generator for ever and returns what is left of its lease: everything issued, blocks
    /// of handles included, lies below its floor. A registry takes that as the next floor, cut to
    /// the horizon in its record: a floor at or above it means that nothing is left.
    ///
    /// ended: it had ended before, and the one call that did it got what was left.
    [[nodiscard]] answer<lease> end() {
        lease left;
        const auto why = idgen_snowflake_end(native(), &left);
        return detail::settled(detail::written(why, left));
    }
};

/// One thread's own block of a generator's numbers, several times faster than the generator under
/// contention. The generator must outlive it. The more handles live, the smaller their blocks:
/// destroy those you need no more.
class snowflake_handle : public detail::placed<idgen_snowflake_handle> {
public:
    /// bad_state: the generator is none.
    explicit snowflake_handle(snowflake& of) {
        make(idgen_snowflake_handle_init(native(), of.native()));
    }
    ~snowflake_handle() { static_cast<void>(idgen_snowflake_handle_end(native())); }

    /// The next id, of the handle's block while its tick may be stamped, else of a new one. Ids of
    /// one handle rise. Answers as snowflake::next().
    [[nodiscard]] answer<std::uint64_t> next(moment at = now) {
        return detail::settled(try_next(at));
    }
    [[nodiscard]] result<std::uint64_t> try_next(moment at = now) noexcept {
        std::uint64_t id = 0, wait_ms = 0;
        const auto why = idgen_snowflake_handle_next(native(), at.raw(), &id, &wait_ms);
        return detail::written(why, id, wait_ms);
    }
};

/// The generators of all buckets of one worker id, for layouts with a bucket field such as "genid";
/// about 10 KiB, made from one lease and ended as one. All calls as those of snowflake, for one
/// bucket, counted from 0; out_of_range also: there are not so many buckets.
class buckets : public detail::placed<idgen_buckets> {
public:
    /// As snowflake; bad_layout also: it has no bucket field.
    buckets(const layout& of, const lease& granted,
            std::chrono::milliseconds borrow = std::chrono::milliseconds(10)) {
        make(idgen_buckets_init(native(), &of, &granted, detail::window_ms(borrow)));
    }
    ~buckets() {
        idgen_lease left;
        static_cast<void>(idgen_buckets_end(native(), &left));
    }

    /// The next id of a bucket.
    [[nodiscard]] answer<std::uint64_t> next(std::uint32_t bucket, moment at = now) {
        return detail::settled(try_next(bucket, at));
    }
    [[nodiscard]] result<std::uint64_t> try_next(std::uint32_t bucket, moment at = now) noexcept {
        std::uint64_t id = 0, wait_ms = 0;
        const auto why = idgen_buckets_next(native(), bucket, at.raw(), &id, &wait_ms);
        return detail::written(why, id, wait_ms);
    }

    /// 1 to `max` ids of one tick of a bucket.
    [[nodiscard]] answer<range> take(std::uint32_t bucket, std::uint64_t max, moment at = now) {
        return detail::settled(try_take(bucket, max, at));
    }
    [[nodiscard]] result<range> try_take(std::uint32_t bucket, std::uint64_t max,
                                         moment at = now) noexcept {
        range ids;
        std::uint64_t wait_ms = 0;
        const auto why = idgen_buckets_take(native(), bucket, at.raw(), max, &ids, &wait_ms);
        return detail::written(why, ids, wait_ms);
    }

    /// Fills `ids` from the front with rising ids of a bucket.
    filling fill(std::uint32_t bucket, room ids, moment at = now) noexcept {
        filling done;
        done.why =
            detail::as_status(idgen_buckets_fill(native(), bucket, at.raw(), ids.data(),
                                                 ids.size(), &done.count, &done.wait_ms));
        return done;
    }

    /// Moves the horizon of all buckets up. Where it is refused, buckets that were extended before
    /// stay so: their time is leased.
    answer<void> extend(const lease& renewal) {
        const auto why = idgen_buckets_extend(native(), &renewal);
        return detail::settled(result<void>(detail::as_status(why)));
    }

    /// Where issuing stops (exclusive).
    [[nodiscard]] answer<time_ms> horizon() const {
        std::uint64_t unix_ms = 0;
        const auto why = idgen_buckets_horizon(native(), &unix_ms);
        return detail::settled(detail::time_written(why, unix_ms));
    }

    /// Ends all buckets for ever and returns what is left of their lease.
    [[nodiscard]] answer<lease> end() {
        lease left;
        const auto why = idgen_buckets_end(native(), &left);
        return detail::settled(detail::written(why, left));
    }
};

}  // inline namespace
}  // namespace idgen

#if defined(__cpp_lib_ranges)
// Iterators of a range do not refer to it.
template <>
inline constexpr bool std::ranges::enable_borrowed_range<idgen::range> = true;
#endif

#if defined(IDGEN_FULL)
#include "idgen_full.hpp"
#endif

#undef IDGEN_HAS_EXCEPTIONS_

#endif  // IDGEN_HPP
