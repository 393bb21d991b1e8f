#include "controller/cel/type.h"

#include <utility>

#include "controller/cel/opaque.h"

namespace kr::cel {
namespace {

std::shared_ptr<const Type> Share(Type type) {
  return std::make_shared<const Type>(std::move(type));
}

std::string Inner(const std::shared_ptr<const Type>& type) {
  return type == nullptr ? "dyn" : type->ToString();
}

}  // namespace

Type Type::List(Type element) {
  Type list = Of(Kind::kList);
  list.element = Share(std::move(element));
  return list;
}

Type Type::Map(Type key, Type value) {
  Type map = Of(Kind::kMap);
  map.key = Share(std::move(key));
  map.element = Share(std::move(value));
  return map;
}

Type Type::Optional(Type element) {
  Type optional = Of(Kind::kOptional);
  optional.element = Share(std::move(element));
  return optional;
}

Type Type::Object(std::map<std::string, Type> fields) {
  Type object = Of(Kind::kObject);
  object.fields = std::move(fields);
  return object;
}

Type Type::Opaque(const OpaqueType& type) {
  Type opaque_type = Of(Kind::kOpaque);
  opaque_type.opaque = &type;
  return opaque_type;
}

std::string Type::ToString() const {
  switch (kind) {
    case Kind::kDyn:
      return "dyn";
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kUint:
      return "uint";
    case Kind::kDouble:
      return "double";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kTimestamp:
      return "timestamp";
    case Kind::kDuration:
      return "duration";
    case Kind::kType:
      return "type";
    case Kind::kList:
      return "list(" + Inner(element) + ")";
    case Kind::kMap:
      return "map(" + Inner(key) + ", " + Inner(element) + ")";
    case Kind::kOptional:
      return "optional(" + Inner(element) + ")";
    case Kind::kObject:
      return "object";
    case Kind::kOpaque:
      return std::string(opaque->name);
    case Kind::kError:
      return "error";
  }
  return "error";
}

}  // namespace kr::cel
