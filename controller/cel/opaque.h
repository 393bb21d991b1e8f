#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "controller/cel/value.h"

namespace kr::cel {

// A type of values that only functions make and look into: quantities, addresses, versions.
struct OpaqueType {
  std::string_view name;  // as type() spells it
  bool is_constant;       // its name may be written as a value: type(x) == net.IP
};
extern const OpaqueType kQuantityType;
extern const OpaqueType kSemverType;
extern const OpaqueType kIpType;
extern const OpaqueType kCidrType;
extern const OpaqueType kUrlType;
extern const OpaqueType kNameFormatType;

// nullptr when there is none of that name.
const OpaqueType* FindOpaqueType(std::string_view name);

// A value of such a type, behind a pointer, so that common values do not grow. Immutable.
class Opaque {
 public:
  explicit Opaque(const OpaqueType& type) : type_(type) {}
  virtual ~Opaque() = default;
  Opaque(const Opaque&) = delete;
  Opaque& operator=(const Opaque&) = delete;

  const OpaqueType& type() const { return type_; }
  // `other` is of the same type.
  virtual bool Equals(const Opaque& other) const = 0;
  virtual std::string ToString() const = 0;

 private:
  const OpaqueType& type_;
};

// The opaque value that holds a T of the given type. T has ToString(); `same` is
// the equality of the type.
template <typename T, const OpaqueType& kType, bool (*same)(const T&, const T&)>
class OpaqueOf final : public Opaque {
 public:
  explicit OpaqueOf(T value) : Opaque(kType), value_(std::move(value)) {}
  bool Equals(const Opaque& other) const override {
    return same(value_, static_cast<const OpaqueOf&>(other).value_);
  }
  std::string ToString() const override { return value_.ToString(); }

  static Value Make(T value) {
    return Value::FromOpaque(std::make_shared<OpaqueOf>(std::move(value)));
  }
  // Of a value that is known to be of this type.
  static const T& Get(const Value& value) {
    return static_cast<const OpaqueOf*>(value.AsOpaque())->value_;
  }
  static bool Is(const Value& value) {
    return value.AsOpaque() != nullptr && &value.AsOpaque()->type() == &kType;
  }

 private:
  const T value_;
};

}  // namespace kr::cel
