#pragma once

#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

namespace kr::crds {

// A JSON value whose shape is not ours (a patch, an action's memo), kept as compact text with
// sorted keys: small, comparable, and headers that hold one stay light. Empty text means "not
// given".
class RawJson {
 public:
  RawJson() = default;
  explicit RawJson(const nlohmann::json& value);

  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }
  // The value; null when empty.
  nlohmann::json Parse() const;
  friend bool operator==(const RawJson&, const RawJson&) = default;

 private:
  std::string text_;
};

// The same for any value: an object, a list, a text, a number or a truth value. null is "not
// given".
class AnyJson : public RawJson {
 public:
  using RawJson::RawJson;
  friend bool operator==(const AnyJson&, const AnyJson&) = default;
};

}  // namespace kr::crds
