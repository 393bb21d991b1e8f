#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "controller/document/document.h"

namespace kr::cel {

class Opaque;
class Value;
using List = std::vector<Value>;
// In order of insertion; keys are unique.
using Map = std::vector<std::pair<Value, Value>>;

// A CEL value as it goes into and comes out of an evaluation. Immutable and cheap to copy. A value
// that came out of an evaluation owns what it needs except Documents: those must outlive it.
class Value {
 public:
  enum class Kind : uint8_t {
    kNull,
    kBool,
    kInt,
    kUint,
    kDouble,
    kString,
    kBytes,
    kTimestamp,
    kDuration,
    kType,
    kList,
    kMap,
    kOptional,
    kOpaque,  // see opaque.h
    // A field of a Document that its projection did not keep: nothing may be concluded from it.
    kUnread,
    // Why there is no value. An Activation may give one as a field of a record: it is an error for
    // the expressions that read that field only. Never comes out of an evaluation.
    kError,
  };
  using ListPtr = std::shared_ptr<const List>;
  using MapPtr = std::shared_ptr<const Map>;

  // A time that may depend on `now`: moving now by t moves it by per_now * t.
  struct Instant {
    absl::Time at;
    int64_t per_now = 0;
  };
  struct Span {
    absl::Duration length;
    int64_t per_now = 0;
  };

  Value() = default;  // null
  static Value Bool(bool b) { return Value(b); }
  static Value Int(int64_t i) { return Value(i); }
  static Value Uint(uint64_t u) { return Value(u); }
  static Value Double(double d) { return Value(d); }
  static Value String(std::string s) {
    return Value(std::make_shared<const std::string>(std::move(s)));
  }
  static Value Bytes(std::string s) {
    return Value(BytesRep{std::make_shared<const std::string>(std::move(s))});
  }
  static Value Timestamp(absl::Time t) { return Value(Instant{t, 0}); }
  static Value Timestamp(Instant t) { return Value(t); }
  static Value Duration(absl::Duration d) { return Value(Span{d, 0}); }
  static Value Duration(Span d) { return Value(d); }
  // A type as a value: type(1) == int. `name` as CEL spells it.
  static Value TypeName(std::string name) {
    return Value(TypeRep{std::make_shared<const std::string>(std::move(name))});
  }
  static Value FromList(List elements) {
    return Value(std::make_shared<const List>(std::move(elements)));
  }
  static Value FromMap(Map entries) {
    return Value(std::make_shared<const Map>(std::move(entries)));
  }
  // A map with string keys, the usual record.
  static Value Record(std::vector<std::pair<std::string, Value>> fields);
  static Value Some(Value value);
  static Value None() { return Value(OptionalRep{nullptr}); }
  // A node of a Document; maps, lists and strings are not copied. An absent node is null.
  static Value Node(const document::Node& node);
  // A JSON value, copied: integers become int (uint when too large), other numbers double.
  static Value FromJson(const nlohmann::json& json);
  static Value FromOpaque(std::shared_ptr<const Opaque> opaque) { return Value(std::move(opaque)); }
  // An error that an Activation gives; its message is passed on as it is.
  static Value Error(Status status);
  // An error of the expression; its message will get the place in the source.
  static Value Failure(Status status);

  Kind kind() const;
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_error() const { return std::holds_alternative<ErrorRep>(rep_); }
  bool is_list() const { return kind() == Kind::kList; }
  bool is_map() const { return kind() == Kind::kMap; }

  // nullptr when the value is of another kind.
  const bool* AsBool() const { return std::get_if<bool>(&rep_); }
  const int64_t* AsInt() const { return std::get_if<int64_t>(&rep_); }
  const uint64_t* AsUint() const { return std::get_if<uint64_t>(&rep_); }
  const double* AsDouble() const { return std::get_if<double>(&rep_); }
  const Instant* AsInstant() const { return std::get_if<Instant>(&rep_); }
  const Span* AsSpan() const { return std::get_if<Span>(&rep_); }
  const std::string* AsBytes() const;
  const std::string* AsTypeName() const;
  // A string that was made or taken out by an evaluation. Of a string inside a Document (an element
  // of a list, a value of a map) this is nullptr: Text reads both.
  const std::string* AsString() const;
  // Of a string of any origin; the view lives as long as the value, the Document and `scratch`.
  std::optional<std::string_view> Text(std::string& scratch) const;
  std::optional<absl::Time> AsTime() const;
  // The node behind a map, list, string or unread field of a Document.
  const document::Node* AsNode() const { return std::get_if<document::Node>(&rep_); }
  // nullptr for anything but the types of opaque.h.
  const Opaque* AsOpaque() const;
  // What an optional holds: nullptr for optional.none() and for anything that is not optional.
  const Value* Inner() const;
  // Only for errors: the reason, and the offset in the expression's source of what failed (nullopt
  // when that is elsewhere). The evaluation notes it, at the innermost node and only once.
  const Status& error() const;
  std::optional<uint32_t> error_offset() const;
  void SetErrorOffset(uint32_t offset);

  // Elements of a list, entries of a map; 0 for everything else.
  size_t size() const;
  Value At(size_t index) const;       // list
  Value KeyAt(size_t index) const;    // map
  Value ValueAt(size_t index) const;  // map
  // The entry of a map by a string key; nullopt when there is none or this is no map. The value is
  // of kind kUnread when the projection does not say.
  std::optional<Value> Field(std::string_view key) const;

  // The same value without views into itself: a string of a Document becomes a string of its own.
  Value Detached() const;

  // As kubectl would show it: timestamps RFC 3339, durations "90s", bytes base64, optional.none
  // null, types by name, opaque values as their text, map keys as strings.
  nlohmann::json ToJson() const;

 private:
  struct NullRep {};
  struct BytesRep {
    std::shared_ptr<const std::string> bytes;
  };
  struct TypeRep {
    std::shared_ptr<const std::string> name;
  };
  struct OptionalRep {
    std::shared_ptr<const Value> value;
  };
  struct ErrorRep {
    std::shared_ptr<const Status> status;
    uint32_t offset = kNowhere;
  };
  // Offsets that are none: not known yet, and not in the expression.
  static constexpr uint32_t kNowhere = UINT32_MAX;
  static constexpr uint32_t kElsewhere = UINT32_MAX - 1;
  using Rep = std::variant<NullRep, bool, int64_t, uint64_t, double, Instant, Span,
                           std::shared_ptr<const std::string>, BytesRep, TypeRep, ListPtr, MapPtr,
                           OptionalRep, document::Node, ErrorRep, std::shared_ptr<const Opaque>>;
  template <typename T>
  explicit Value(T rep) : rep_(std::move(rep)) {}
  Rep rep_;
};

// The type of a value as CEL's type() spells it, "unread" and "error" for what is no CEL type.
std::string_view TypeNameOf(const Value& value);
// The same by kind; "opaque" for all types of opaque.h.
std::string_view KindName(Value::Kind kind);

}  // namespace kr::cel
