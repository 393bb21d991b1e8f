#include "controller/cel/value.h"

#include <array>
#include <cmath>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "controller/cel/opaque.h"
#include "controller/cel/text.h"

namespace kr::cel {

// Lists hold many.
static_assert(sizeof(Value) <= 32);

Value Value::Record(std::vector<std::pair<std::string, Value>> fields) {
  Map map;
  map.reserve(fields.size());
  for (auto& [key, value] : fields) map.emplace_back(String(std::move(key)), std::move(value));
  return FromMap(std::move(map));
}

Value Value::Some(Value value) {
  return Value(OptionalRep{std::make_shared<const Value>(std::move(value))});
}

Value Value::Error(Status status) {
  return Value(ErrorRep{std::make_shared<const Status>(std::move(status)), kElsewhere});
}

Value Value::Failure(Status status) {
  return Value(ErrorRep{std::make_shared<const Status>(std::move(status)), kNowhere});
}

Value Value::Node(const document::Node& node) {
  switch (node.kind()) {
    case document::Kind::kAbsent:
    case document::Kind::kNull:
      return Value();
    case document::Kind::kBool:
      return Bool(node.AsBool());
    case document::Kind::kInt:
      return Int(node.AsInt());
    case document::Kind::kDouble:
      return Double(node.AsDouble());
    case document::Kind::kUnprojected:
    case document::Kind::kOpaque:
    case document::Kind::kString:
    case document::Kind::kList:
    case document::Kind::kMap:
      return Value(node);
  }
  return Value();
}

Value Value::FromJson(const nlohmann::json& json) {
  using Json = nlohmann::json::value_t;
  switch (json.type()) {
    case Json::boolean:
      return Bool(json.get<bool>());
    case Json::number_integer:
      return Int(json.get<int64_t>());
    case Json::number_unsigned: {
      const auto u = json.get<uint64_t>();
      return u > INT64_MAX ? Uint(u) : Int(static_cast<int64_t>(u));
    }
    case Json::number_float:
      return Double(json.get<double>());
    case Json::string:
      return String(json.get<std::string>());
    case Json::array: {
      List list;
      for (const auto& element : json) list.push_back(FromJson(element));
      return FromList(std::move(list));
    }
    case Json::object: {
      Map map;
      for (const auto& [key, value] : json.items()) map.emplace_back(String(key), FromJson(value));
      return FromMap(std::move(map));
    }
    default:
      return Value();
  }
}

Value::Kind Value::kind() const {
  // In the order of Rep; nodes are looked at below.
  static constexpr std::array<Kind, 16> kKinds = {
      Kind::kNull,     Kind::kBool,   Kind::kInt,   Kind::kUint,  Kind::kDouble, Kind::kTimestamp,
      Kind::kDuration, Kind::kString, Kind::kBytes, Kind::kType,  Kind::kList,   Kind::kMap,
      Kind::kOptional, Kind::kUnread, Kind::kError, Kind::kOpaque};
  const auto* node = std::get_if<document::Node>(&rep_);
  if (node == nullptr) return kKinds[rep_.index()];
  switch (node->kind()) {
    case document::Kind::kString:
      return Kind::kString;
    case document::Kind::kList:
      return Kind::kList;
    case document::Kind::kMap:
      return Kind::kMap;
    default:
      return Kind::kUnread;
  }
}

const std::string* Value::AsString() const {
  const auto* s = std::get_if<std::shared_ptr<const std::string>>(&rep_);
  return s == nullptr ? nullptr : s->get();
}

const std::string* Value::AsBytes() const {
  const auto* b = std::get_if<BytesRep>(&rep_);
  return b == nullptr ? nullptr : b->bytes.get();
}

const std::string* Value::AsTypeName() const {
  const auto* t = std::get_if<TypeRep>(&rep_);
  return t == nullptr ? nullptr : t->name.get();
}

std::optional<std::string_view> Value::Text(std::string& scratch) const {
  if (const std::string* s = AsString()) return *s;
  const document::Node* node = AsNode();
  if (node == nullptr || !node->is_string()) return std::nullopt;
  return node->AsString(scratch);
}

std::optional<absl::Time> Value::AsTime() const {
  const Instant* instant = AsInstant();
  return instant == nullptr ? std::nullopt : std::optional(instant->at);
}

const Opaque* Value::AsOpaque() const {
  const auto* opaque = std::get_if<std::shared_ptr<const Opaque>>(&rep_);
  return opaque == nullptr ? nullptr : opaque->get();
}

const Value* Value::Inner() const {
  const auto* optional = std::get_if<OptionalRep>(&rep_);
  return optional == nullptr ? nullptr : optional->value.get();
}

const Status& Value::error() const {
  return *std::get<ErrorRep>(rep_).status;
}

std::optional<uint32_t> Value::error_offset() const {
  const uint32_t offset = std::get<ErrorRep>(rep_).offset;
  return offset < kElsewhere ? std::optional(offset) : std::nullopt;
}

void Value::SetErrorOffset(uint32_t offset) {
  auto& error = std::get<ErrorRep>(rep_);
  if (error.offset == kNowhere) error.offset = offset;
}

size_t Value::size() const {
  if (const auto* list = std::get_if<ListPtr>(&rep_)) return (*list)->size();
  if (const auto* map = std::get_if<MapPtr>(&rep_)) return (*map)->size();
  const document::Node* node = AsNode();
  return node == nullptr ? 0 : node->size();
}

Value Value::At(size_t index) const {
  if (const auto* list = std::get_if<ListPtr>(&rep_)) return (**list)[index];
  return Node(std::get<document::Node>(rep_).At(index));
}

Value Value::KeyAt(size_t index) const {
  if (const auto* map = std::get_if<MapPtr>(&rep_)) return (**map)[index].first;
  return String(std::string(std::get<document::Node>(rep_).KeyAt(index)));
}

Value Value::ValueAt(size_t index) const {
  if (const auto* map = std::get_if<MapPtr>(&rep_)) return (**map)[index].second;
  return Node(std::get<document::Node>(rep_).ValueAt(index));
}

std::optional<Value> Value::Field(std::string_view key) const {
  if (const auto* map = std::get_if<MapPtr>(&rep_)) {
    for (const auto& [name, value] : **map) {
      std::string scratch;
      if (name.Text(scratch) == key) return value;
    }
    return std::nullopt;
  }
  const document::Node* node = AsNode();
  if (node == nullptr || !node->is_map()) return std::nullopt;
  const document::Node field = node->Field(key);
  if (field.kind() == document::Kind::kAbsent) return std::nullopt;
  return Node(field);
}

Value Value::Detached() const {
  const document::Node* node = AsNode();
  return node != nullptr && node->is_string() ? String(node->AsString()) : *this;
}

nlohmann::json Value::ToJson() const {
  switch (kind()) {
    case Kind::kNull:
    case Kind::kUnread:
    case Kind::kError:
      return nullptr;
    case Kind::kBool:
      return *AsBool();
    case Kind::kInt:
      return *AsInt();
    case Kind::kUint:
      return *AsUint();
    case Kind::kDouble:
      if (!std::isfinite(*AsDouble())) return DoubleText(*AsDouble());
      return *AsDouble();
    case Kind::kString: {
      std::string scratch;
      return std::string(*Text(scratch));
    }
    case Kind::kBytes:
      return absl::Base64Escape(*AsBytes());
    case Kind::kTimestamp:
      return TimestampText(AsInstant()->at);
    case Kind::kDuration:
      return DurationText(AsSpan()->length);
    case Kind::kType:
      return *AsTypeName();
    case Kind::kOpaque:
      return AsOpaque()->ToString();
    case Kind::kOptional:
      return Inner() == nullptr ? nlohmann::json() : Inner()->ToJson();
    case Kind::kList: {
      auto list = nlohmann::json::array();
      for (size_t i = 0; i < size(); ++i) list.push_back(At(i).ToJson());
      return list;
    }
    case Kind::kMap: {
      auto map = nlohmann::json::object();
      for (size_t i = 0; i < size(); ++i) {
        const nlohmann::json key = KeyAt(i).ToJson();
        map[key.is_string() ? key.get<std::string>() : key.dump()] = ValueAt(i).ToJson();
      }
      return map;
    }
  }
  return nullptr;
}

std::string_view TypeNameOf(const Value& value) {
  const Opaque* opaque = value.AsOpaque();
  return opaque == nullptr ? KindName(value.kind()) : opaque->type().name;
}

std::string_view KindName(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNull:
      return "null_type";
    case Value::Kind::kBool:
      return "bool";
    case Value::Kind::kInt:
      return "int";
    case Value::Kind::kUint:
      return "uint";
    case Value::Kind::kDouble:
      return "double";
    case Value::Kind::kString:
      return "string";
    case Value::Kind::kBytes:
      return "bytes";
    case Value::Kind::kTimestamp:
      return "google.protobuf.Timestamp";
    case Value::Kind::kDuration:
      return "google.protobuf.Duration";
    case Value::Kind::kType:
      return "type";
    case Value::Kind::kList:
      return "list";
    case Value::Kind::kMap:
      return "map";
    case Value::Kind::kOptional:
      return "optional_type";
    case Value::Kind::kOpaque:
      return "opaque";
    case Value::Kind::kUnread:
      return "unread";
    case Value::Kind::kError:
      return "error";
  }
  return "error";
}

}  // namespace kr::cel
