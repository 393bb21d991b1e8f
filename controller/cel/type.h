#pragma once

#include <map>
#include <memory>
#include <string>

namespace kr::cel {

struct OpaqueType;

// A static type. kObject is a record with declared fields (`target`, `related`): naming a field
// that it does not have is a compile error. Everything of API objects is kDyn.
struct Type {
  enum class Kind {
    kDyn,
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
    kObject,
    kOpaque,
    kError
  };
  Kind kind = Kind::kDyn;
  std::shared_ptr<const Type> element;  // list and optional: element; map: value
  std::shared_ptr<const Type> key;      // map
  std::map<std::string, Type> fields;   // object
  const OpaqueType* opaque = nullptr;   // opaque

  static Type Of(Kind kind) { return {kind, nullptr, nullptr, {}, nullptr}; }
  static Type Dyn() { return Of(Kind::kDyn); }
  static Type Null() { return Of(Kind::kNull); }
  static Type Bool() { return Of(Kind::kBool); }
  static Type Int() { return Of(Kind::kInt); }
  static Type Uint() { return Of(Kind::kUint); }
  static Type Double() { return Of(Kind::kDouble); }
  static Type Bytes() { return Of(Kind::kBytes); }
  static Type Duration() { return Of(Kind::kDuration); }
  static Type String() { return Of(Kind::kString); }
  static Type Timestamp() { return Of(Kind::kTimestamp); }
  static Type List(Type element);
  static Type Map(Type key, Type value);
  static Type Optional(Type element);
  static Type Opaque(const OpaqueType& type);
  static Type Object(std::map<std::string, Type> fields);

  // As CEL prints it: list(dyn), map(string, int).
  std::string ToString() const;
};

// The names that an expression may use, with their types.
using Scope = std::map<std::string, Type>;

}  // namespace kr::cel
