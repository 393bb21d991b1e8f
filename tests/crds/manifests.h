#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

// The repository's own YAML files, as kubectl would send them.
namespace kr::testing {

inline nlohmann::json ScalarToJson(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted or a block
  if (text == "null" || text == "~" || text.empty()) return nullptr;
  if (text == "true") return true;
  if (text == "false") return false;
  nlohmann::json number = nlohmann::json::parse(text, nullptr, false);
  return number.is_number() ? number : nlohmann::json(text);
}

inline nlohmann::json YamlToJson(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return ScalarToJson(node);
    case YAML::NodeType::Sequence: {
      nlohmann::json list = nlohmann::json::array();
      for (const YAML::Node& element : node) list.push_back(YamlToJson(element));
      return list;
    }
    case YAML::NodeType::Map: {
      nlohmann::json object = nlohmann::json::object();
      for (const auto& entry : node) object[entry.first.Scalar()] = YamlToJson(entry.second);
      return object;
    }
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      break;
  }
  return nullptr;
}

inline nlohmann::json ParseYaml(const std::string& text) {
  return YamlToJson(YAML::Load(text));
}

// `path` from the root of the repository.
inline nlohmann::json LoadManifest(const std::string& path) {
  return YamlToJson(YAML::LoadFile(std::string(KR_SOURCE_DIR) + "/" + path));
}

// All manifests below a folder, without its kustomizations.
inline std::vector<std::string> ManifestsIn(const std::string& folder) {
  std::vector<std::string> paths;
  const std::filesystem::path root = std::filesystem::path(KR_SOURCE_DIR) / folder;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".yaml") && name != "kustomization.yaml") {
      paths.push_back(folder + "/" + entry.path().lexically_relative(root).string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace kr::testing
