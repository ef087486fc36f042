// idgen: durable ids from a store that is opened by URL; the part of libidgen-full in idgen.hpp.
//
//     idgen::store ids("sqlite:ids.db");
//     std::uint64_t id = ids.next("orders");
//
// Include idgen.hpp with IDGEN_FULL defined, as the headers of libidgen-full do. Here calls may
// wait, as long as they are told, and every object is for any number of threads at once. Objects
// can be moved; one that was moved from answers null. Errors are those of idgen.hpp; what() names
// the cause and the next step, and where errors are returned a last argument takes that sentence.

#ifndef IDGEN_FULL_HPP
#define IDGEN_FULL_HPP

#ifndef IDGEN_HPP
#error "include idgen.hpp, with IDGEN_FULL defined"
#endif

namespace idgen {
#ifdef IDGEN_NO_EXCEPTIONS
inline namespace returning {
#else
inline namespace throwing {
#endif

/// How long a call may wait: a std::chrono duration, or forever. What is negative, such as the
/// rest of a deadline gone by, is no time: only what is at hand.
class patience {
public:
    template <class Rep, class Period>
    constexpr patience(std::chrono::duration<Rep, Period> time) noexcept
        : ms_(in_ms(time)) {}
    [[nodiscard]] constexpr std::uint64_t ms() const noexcept { return ms_; }
    [[nodiscard]] static constexpr patience without_end() noexcept {
        return patience(std::uint64_t{IDGEN_FOREVER});
    }

private:
    explicit constexpr patience(std::uint64_t ms) noexcept : ms_(ms) {}

    template <class Rep, class Period>
    static constexpr std::uint64_t in_ms(std::chrono::duration<Rep, Period> time) noexcept {
        if (!(time > time.zero())) return 0;
        // What a number of milliseconds could not hold, such as hours::max(), has no end.
        if (std::chrono::duration<double, std::milli>(time).count() > 1e15) return IDGEN_FOREVER;
        return static_cast<std::uint64_t>(
            std::chrono::ceil<std::chrono::milliseconds>(time).count());
    }
    std::uint64_t ms_;
};

/// As long as it takes.
inline constexpr patience forever = patience::without_end();

/// In place of a worker id: any that is free.
inline constexpr std::uint64_t any_worker = IDGEN_ANY_WORKER;

/// How a store is opened; see idgen_options. Zeros, options{}, are the defaults.
using options = idgen_options;

/// What a sequence counts; see idgen_definition. Zeros, definition{}, are 1, 2, 3, ...
using definition = idgen_definition;

/// What a closing could not hand back; see idgen_close_report.
using close_report = idgen_close_report;

namespace detail {
/// Where a call writes what ails it, and who hears of it.
class cause {
public:
    explicit cause(std::string* why) noexcept : why_(why) {}
    [[nodiscard]] char* text() noexcept { return text_; }
    [[nodiscard]] static constexpr std::size_t size() noexcept { return sizeof text_; }

    /// As settled(), with the cause in what() or in the caller's string.
    template <class T>
    answer<T> settled(result<T> of) {
        if (!of && why_) *why_ = sentence(of.error());
#ifndef IDGEN_NO_EXCEPTIONS
        if (!of) throw error(of.error(), sentence(of.error()));
#endif
        return detail::settled(std::move(of));
    }

private:
    [[nodiscard]] std::string sentence(status why) const { return *text_ ? text_ : message(why); }
    std::string* why_;
    char text_[256] = {};
};

/// An object of libidgen-full's, closed at last.
template <class Object, idgen_status (*close)(Object**)>
class owned {
public:
    owned(owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    owned& operator=(owned&& other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    owned(const owned&) = delete;
    owned& operator=(const owned&) = delete;
    ~owned() { static_cast<void>(close(&object_)); }

    /// Whether there is one: it was opened, not moved away, not closed.
    explicit operator bool() const noexcept { return object_ != nullptr; }
    /// The object, for functions of idgen.h.
    [[nodiscard]] Object* native() const noexcept { return object_; }

protected:
    owned() = default;
    Object* object_ = nullptr;
};

inline idgen_status close_store(idgen_store** store) { return idgen_close(store, nullptr); }
}  // namespace detail

/// A sequence of a store: serial ids, durably leased, ahead of need. From store::open_sequence().
class sequence : public detail::owned<idgen_sequence, idgen_sequence_close> {
public:
    /// None: every call answers null.
    sequence() noexcept {}

    /// The next id, waiting as long as `wait` if there is none at hand. Ids rise for each thread,
    /// and over the threads of this process whenever one call ends before another begins.
    ///
    /// deadline: the store was too slow; it is being asked, so call again. unavailable; ended: the
    /// store was closed; sequence_ended; frozen; unknown_sequence: somebody deleted it.
    [[nodiscard]] answer<std::uint64_t> next(patience wait = std::chrono::seconds(1),
                                             std::string* why = nullptr) {
        detail::cause cause(why);
        std::uint64_t id = 0;
        const auto status =
            idgen_sequence_next(object_, wait.ms(), &id, cause.text(), cause.size());
        return cause.settled(detail::written(status, id));
    }
    [[nodiscard]] result<std::uint64_t> try_next(patience wait = std::chrono::seconds(1)) noexcept {
        std::uint64_t id = 0;
        const auto status = idgen_sequence_next(object_, wait.ms(), &id, nullptr, 0);
        return detail::written(status, id);
    }

    /// 1 to `max` ids in one run; as next(). out_of_range: `max` is 0.
    [[nodiscard]] answer<range> take(std::uint64_t max, patience wait = std::chrono::seconds(1),
                                     std::string* why = nullptr) {
        detail::cause cause(why);
        range ids;
        const auto status =
            idgen_sequence_take(object_, max, wait.ms(), &ids, cause.text(), cause.size());
        return cause.settled(detail::written(status, ids));
    }

    /// Fills `ids` from the front with rising ids, waiting as long as `wait` in all.
    filling fill(room ids, patience wait = std::chrono::seconds(1)) noexcept {
        filling done;
        done.why = detail::as_status(idgen_sequence_fill(object_, wait.ms(), ids.data(),
                                                         ids.size(), &done.count, nullptr, 0));
        return done;
    }

    /// The number just before the next one that this process would issue; see
    /// idgen_sequence_last.
    [[nodiscard]] answer<std::uint64_t> last(patience wait = std::chrono::seconds(1),
                                             std::string* why = nullptr) const {
        detail::cause cause(why);
        std::uint64_t id = 0;
        const auto status =
            idgen_sequence_last(object_, wait.ms(), &id, cause.text(), cause.size());
        return cause.settled(detail::written(status, id));
    }

    /// What the sequence counts.
    [[nodiscard]] answer<idgen::definition> definition() const {
        idgen::definition of{};
        const auto status = idgen_sequence_definition(object_, &of);
        return detail::settled(detail::written(status, of));
    }

private:
    friend class store;
    idgen_sequence** place() noexcept { return &object_; }
};

/// An id space of a store: time-ordered ids under a worker id that is leased and renewed. From
/// store::open_snowflakes().
class snowflakes : public detail::owned<idgen_snowflakes, idgen_snowflakes_close> {
public:
    /// None: every call answers null.
    snowflakes() noexcept {}

    /// The next id, of bucket 0, waiting as long as `wait` for the clock or the lease. Ids rise for
    /// each thread.
    ///
    /// not_yet, unavailable, lease_lost, workers_taken, layout_ended; ended: the store was closed.
    [[nodiscard]] answer<std::uint64_t> next(patience wait = std::chrono::seconds(1),
                                             std::string* why = nullptr) {
        detail::cause cause(why);
        std::uint64_t id = 0;
        const auto status =
            idgen_snowflakes_next(object_, wait.ms(), &id, cause.text(), cause.size());
        return cause.settled(detail::written(status, id));
    }
    [[nodiscard]] result<std::uint64_t> try_next(patience wait = std::chrono::seconds(1)) noexcept {
        std::uint64_t id = 0;
        const auto status = idgen_snowflakes_next(object_, wait.ms(), &id, nullptr, 0);
        return detail::written(status, id);
    }

    /// 1 to `max` ids of one tick of a bucket, counted from 0; as next(). out_of_range: there are
    /// not so many buckets, or `max` is 0.
    [[nodiscard]] answer<range> take(std::uint64_t max, patience wait = std::chrono::seconds(1),
                                     std::uint32_t bucket = 0, std::string* why = nullptr) {
        detail::cause cause(why);
        range ids;
        const auto status = idgen_snowflakes_take(object_, bucket, max, wait.ms(), &ids,
                                                  cause.text(), cause.size());
        return cause.settled(detail::written(status, ids));
    }

    /// Fills `ids` from the front with rising ids of a bucket, waiting as long as `wait` in all.
    filling fill(room ids, patience wait = std::chrono::seconds(1),
                 std::uint32_t bucket = 0) noexcept {
        filling done;
        done.why =
            detail::as_status(idgen_snowflakes_fill(object_, bucket, wait.ms(), ids.data(),
                                                    ids.size(), &done.count, nullptr, 0));
        return done;
    }

    /// The worker id that is held now; it may change when a lease was lost. lease_lost: none is.
    [[nodiscard]] answer<std::uint64_t> worker() const {
        std::uint64_t id = 0;
        const auto status = idgen_snowflakes_worker(object_, &id);
        return detail::settled(detail::written(status, id));
    }

private:
    friend class store;
    idgen_snowflakes** place() noexcept { return &object_; }
};

/// A store and the thread behind it, which leases ahead of need, renews and hands back.
///
/// Destroying it closes it: what waits in other threads is answered ended, what was leased and not
/// issued is handed back, in 2 seconds at most unless a call to the store hangs. No call with it
/// may begin then.
class store : public detail::owned<idgen_store, detail::close_store> {
public:
    /// Opens the store that `url` names: "sqlite:PATH", or "memory:" for tests.
    ///
    /// bad_url; unavailable: the file cannot be made, read or written, or is none of ours;
    /// out_of_range: an option; bad_name: the state directory; in_use: it is another's. Where
    /// errors are returned, made() says which, and `why` in a sentence.
    explicit store(const std::string& url, const options& wishes = options{},
                   std::string* why = nullptr) {
        detail::cause cause(why);
        const auto status =
            idgen_open(url.c_str(), &wishes, &object_, cause.text(), cause.size());
#ifdef IDGEN_NO_EXCEPTIONS
        made_ = detail::as_status(status);
#endif
        static_cast<void>(cause.settled(detail::written(status, true)));
    }

#ifdef IDGEN_NO_EXCEPTIONS
    /// What the constructor came to.
    [[nodiscard]] result<void> made() const noexcept { return result<void>(made_); }
#endif

    /// The next id of a sequence, which is created if it is not there: 1, 2, 3, ... The first call
    /// for a name asks the store, so give it time. A thread that takes many ids opens the sequence
    /// once. Answers as sequence::next(), and bad_name.
    [[nodiscard]] answer<std::uint64_t> next(const std::string& name,
                                             patience wait = std::chrono::seconds(5),
                                             std::string* why = nullptr) {
        detail::cause cause(why);
        std::uint64_t id = 0;
        const auto status =
            idgen_next(object_, name.c_str(), wait.ms(), &id, cause.text(), cause.size());
        return cause.settled(detail::written(status, id));
    }

    /// Opens a sequence as it is, or creates it as 1, 2, 3, ...
    [[nodiscard]] answer<sequence> open_sequence(const std::string& name,
                                                 patience wait = std::chrono::seconds(5),
                                                 std::string* why = nullptr) {
        return opened(name, nullptr, wait, why);
    }
    /// Opens a sequence that is defined so, or creates it. conflict: it is defined otherwise;
    /// out_of_range: the definition has no ids.
    [[nodiscard]] answer<sequence> open_sequence(const std::string& name, const definition& as,
                                                 patience wait = std::chrono::seconds(5),
                                                 std::string* why = nullptr) {
        return opened(name, &as, wait, why);
    }

    /// Opens an id space of the layout "standard" and leases a worker id of it.
    ///
    /// workers_taken; conflict: another layout, or open here with another worker id; out_of_range:
    /// there is no such worker id; bad_name, layout_ended, not_yet, frozen, deadline, unavailable.
    [[nodiscard]] answer<snowflakes> open_snowflakes(const std::string& id_space,
                                                     std::uint64_t worker = any_worker,
                                                     patience wait = std::chrono::seconds(5),
                                                     std::string* why = nullptr) {
        return opened(id_space, nullptr, worker, wait, why);
    }
    /// Opens an id space of a layout. bad_layout also.
    [[nodiscard]] answer<snowflakes> open_snowflakes(const std::string& id_space, const layout& of,
                                                     std::uint64_t worker = any_worker,
                                                     patience wait = std::chrono::seconds(5),
                                                     std::string* why = nullptr) {
        return opened(id_space, &of, worker, wait, why);
    }

    /// Closes the store and tells what could not be handed back. Later calls answer null.
    answer<close_report> close() {
        close_report report{};
        const auto status = object_ ? idgen_close(&object_, &report) : IDGEN_STATUS_NULL;
        return detail::settled(detail::written(status, report));
    }

private:
    answer<sequence> opened(const std::string& name, const definition* as, patience wait,
                            std::string* why) {
        detail::cause cause(why);
        sequence of;
        const auto status = idgen_sequence_open(object_, name.c_str(), as, wait.ms(), of.place(),
                                                cause.text(), cause.size());
        return cause.settled(detail::written(status, std::move(of)));
    }
    answer<snowflakes> opened(const std::string& id_space, const layout* as, std::uint64_t worker,
                              patience wait, std::string* why) {
        detail::cause cause(why);
        snowflakes of;
        const auto status =
            idgen_snowflakes_open(object_, id_space.c_str(), as, worker, wait.ms(), of.place(),
                                  cause.text(), cause.size());
        return cause.settled(detail::written(status, std::move(of)));
    }

#ifdef IDGEN_NO_EXCEPTIONS
    status made_ = status::internal;
#endif
};

}  // inline namespace
}  // namespace idgen

#endif  // IDGEN_FULL_HPP
