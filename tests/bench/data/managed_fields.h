#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace kr::bench {

// What server-side bookkeeping adds to an object: one entry for who made it and one for who writes
// its status, with fieldsV1 sets of what the object has (structured-merge-diff's format).
nlohmann::ordered_json ManagedFields(const nlohmann::ordered_json& object, std::string_view writer,
                                     std::string_view created, std::string_view updated);

}  // namespace kr::bench
