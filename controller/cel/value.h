#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/document/document.h"

namespace kr::cel {

// A CEL value as it goes into and comes out of an evaluation. Cheap to copy. A value that came out
// of an evaluation owns what it needs except Documents: those must outlive it.
class Value;
using List = std::vector<Value>;
using Map = std::vector<std::pair<Value, Value>>;

class Value {
 public:
  struct Null {
    friend bool operator==(Null, Null) { return true; }
  };
  using ListPtr = std::shared_ptr<const List>;
  using MapPtr = std::shared_ptr<const Map>;

  Value() = default;  // null
  static Value Bool(bool b) { return Value(b); }
  static Value Int(int64_t i) { return Value(i); }
  static Value Double(double d) { return Value(d); }
  static Value String(std::string s) { return Value(std::make_shared<const std::string>(std::move(s))); }
  static Value Timestamp(absl::Time t) { return Value(t); }
  static Value Duration(absl::Duration d) { return Value(d); }
  static Value FromList(List elements) { return Value(std::make_shared<const List>(std::move(elements))); }
  // A map with string keys, the usual record.
  static Value Record(std::vector<std::pair<std::string, Value>> fields);
  // A node of a Document (object, list or scalar); nothing is copied.
  static Value Node(document::Node node) { return Value(node); }

  // nullptr-style accessors for results.
  const bool* AsBool() const { return std::get_if<bool>(&rep_); }
  const int64_t* AsInt() const { return std::get_if<int64_t>(&rep_); }
  // A string, also one that is a Document node.
  const std::string* AsString() const;

  // As kubectl would show it: timestamps RFC 3339, durations "90s", bytes base64, optional.none null.
  nlohmann::json ToJson() const;

 private:
  using Rep = std::variant<Null, bool, int64_t, uint64_t, double, absl::Time, absl::Duration,
                           std::shared_ptr<const std::string>, ListPtr, MapPtr, document::Node>;
  template <typename T>
  explicit Value(T rep) : rep_(std::move(rep)) {}
  Rep rep_;
};

}  // namespace kr::cel
