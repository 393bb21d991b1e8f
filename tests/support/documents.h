#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/document/decoder.h"
#include "controller/document/document.h"
#include "controller/document/projection.h"

namespace kr::testing {

// A projection of paths in their dotted form; "" is the whole object.
inline document::Projection::Ptr ProjectionOf(const std::vector<std::string>& paths) {
  if (paths == std::vector<std::string>{""}) return document::Projection::Everything();
  std::vector<document::Path> parsed;
  for (const std::string& text : paths) {
    StatusOr<document::Path> path = document::Path::Parse(text);
    EXPECT_TRUE(path.ok()) << path.status();
    if (path.ok()) parsed.push_back(*std::move(path));
  }
  return document::Projection::Of(parsed);
}

// A Document of JSON or of JSON text, with one Decoder for all of a test program. Nothing is
// required of the object: a test may leave out metadata.
inline document::DocumentPtr Doc(const nlohmann::json& json_or_text,
                                 const std::vector<std::string>& paths = {""}) {
  static document::Decoder decoder;
  nlohmann::json json = json_or_text;
  if (json.is_string()) {
    json = nlohmann::json::parse(json_or_text.get<std::string>(), nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << "not JSON: " << json_or_text;
  }
  return decoder.FromJson(json, ProjectionOf(paths));
}

}  // namespace kr::testing
