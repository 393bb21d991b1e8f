#include "crds/meta/json_find.h"

namespace kr::crds {

using nlohmann::json;

const json* Find(const json& object, std::initializer_list<std::string_view> fields) {
  const json* value = &object;
  for (const std::string_view field : fields) {
    if (!value->is_object()) return nullptr;
    const auto found = value->find(field);
    if (found == value->end()) return nullptr;
    value = &*found;
  }
  return value;
}

std::string FindText(const json& object, std::initializer_list<std::string_view> fields,
                     std::string_view otherwise) {
  const json* value = Find(object, fields);
  return value != nullptr && value->is_string() ? value->get<std::string>()
                                                : std::string(otherwise);
}

int64_t FindNumber(const json& object, std::initializer_list<std::string_view> fields,
                   int64_t otherwise) {
  const json* value = Find(object, fields);
  return value != nullptr && value->is_number_integer() ? value->get<int64_t>() : otherwise;
}

}  // namespace kr::crds
