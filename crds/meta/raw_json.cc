#include "crds/meta/raw_json.h"

#include <nlohmann/json.hpp>

namespace kr::crds {

RawJson::RawJson(const nlohmann::json& value)
    : text_(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) {}

nlohmann::json RawJson::Parse() const {
  if (text_.empty()) return nullptr;
  // Only dump() writes text_, so that this cannot be discarded.
  return nlohmann::json::parse(text_, nullptr, false);
}

}  // namespace kr::crds
