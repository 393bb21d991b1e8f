#include "cmd/common/yaml_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "absl/strings/numbers.h"
#include "cmd/common/yaml_mark.h"
#include "controller/values/utf8.h"

namespace kr::cmd {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 256;
// Of one manifest. Aliases make trees of any size out of a few lines.
constexpr size_t kMaxNodes = 200'000;

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  for (std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

std::optional<bool> AsBool(std::string_view text) {
  if (IsOneOf(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON"})) {
    return true;
  }
  if (IsOneOf(text, {"false", "False", "FALSE", "no", "No", "NO", "n", "N", "off", "Off", "OFF"})) {
    return false;
  }
  return std::nullopt;
}

template <typename T>
std::optional<T> Whole(std::string_view digits, int base) {
  T value{};
  const char* end = digits.data() + digits.size();
  const auto [last, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || last != end) return std::nullopt;
  return value;
}

// [-+]? then decimal, 0x, 0o, 0b or, as in C, 0 and octal digits.
std::optional<json> AsInteger(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char prefix = text[1];
    base = prefix == 'x' ? 16 : prefix == 'b' ? 2 : 8;
    text.remove_prefix(prefix == 'x' || prefix == 'b' || prefix == 'o' ? 2 : 1);
  }
  if (text.empty() || text[0] == '-') return std::nullopt;
  const std::optional<uint64_t> magnitude = Whole<uint64_t>(text, base);
  if (!magnitude) return std::nullopt;
  if (!negative) {
    if (*magnitude > INT64_MAX) return std::nullopt;
    return json(static_cast<int64_t>(*magnitude));
  }
  // The magnitude of the smallest number is one more than that of the largest.
  if (*magnitude > uint64_t{1} << 63) return std::nullopt;
  return json(static_cast<int64_t>(0 - *magnitude));
}

// What strtod takes and YAML does too: no hexadecimal floats, no words. A whole number becomes an
// integer, as it does on its way through the API server.
std::optional<json> AsFloat(std::string_view text) {
  bool digit = false;
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      digit = true;
    } else if (!(c == '+' || c == '-' || c == '.' || ((c == 'e' || c == 'E') && digit))) {
      return std::nullopt;
    }
  }
  double value = 0;
  if (!digit || !absl::SimpleAtod({text.data(), text.size()}, &value)) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;
  constexpr double kInt64End = 9223372036854775808.0;
  if (value == std::trunc(value) && std::abs(value) < kInt64End) {
    return json(static_cast<int64_t>(value));
  }
  return json(value);
}

// YAML 1.1 allows underscores between digits.
std::string WithoutUnderscores(const std::string& text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return c != '_'; });
  return digits;
}

bool IsNotFinite(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return IsOneOf(text, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"});
}

class Converter {
 public:
  StatusOr<json> Convert(const YAML::Node& node, int depth) {
    if (depth > kMaxDepth) return At(node, "nested too deeply");
    if (++nodes_ > kMaxNodes) return At(node, "too large");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return json();
      case YAML::NodeType::Scalar:
        return Scalar(node);
      case YAML::NodeType::Sequence:
        return Sequence(node, depth);
      case YAML::NodeType::Map:
        return Map(node, depth);
    }
    return json();
  }

 private:
  static Status At(const YAML::Node& node, std::string_view message) {
    return InvalidArgument(Position(node.Mark()) + ": " + std::string(message));
  }

  static StatusOr<json> Scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    const std::string& tag = node.Tag();
    if (!values::IsUtf8(text)) return At(node, "the text is not UTF-8");
    // yaml-cpp: "!" for a quoted scalar, "?" for a plain one.
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return json(text);
    if (tag == "tag:yaml.org,2002:binary") return At(node, "!!binary is not supported");
    if (auto flag = AsBool(text)) return json(*flag);
    const std::string digits = WithoutUnderscores(text);
    if (auto integer = AsInteger(digits)) return *std::move(integer);
    if (auto number = AsFloat(digits)) return *std::move(number);
    if (IsNotFinite(text)) return At(node, text + " is no JSON number");
    return json(text);
  }

  StatusOr<json> Sequence(const YAML::Node& node, int depth) {
    json list = json::array();
    for (const YAML::Node& element : node) {
      KR_ASSIGN_OR_RETURN(json value, Convert(element, depth + 1));
      list.push_back(std::move(value));
    }
    return list;
  }

  StatusOr<json> Map(const YAML::Node& node, int depth) {
    json map = json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return At(entry.first, "a key must be a string");
      if (entry.first.Scalar() == "<<" && entry.first.Tag() == "?") {
        return At(entry.first, "merge keys (<<) are not supported");
      }
      KR_ASSIGN_OR_RETURN(const json name, Scalar(entry.first));
      const std::string key = name.is_string() ? name.get<std::string>() : name.dump();
      if (map.contains(key)) return At(entry.first, "the key " + key + " is there twice");
      KR_ASSIGN_OR_RETURN(json value, Convert(entry.second, depth + 1));
      map[key] = std::move(value);
    }
    return map;
  }

  size_t nodes_ = 0;
};

// yaml-cpp makes empty documents without end of a token that no document can begin with: its
// parser does not step over it. Throws where two documents begin at the same place.
class Progress final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos == last_) throw YAML::ParserException(mark, "no document can begin like this");
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_ = -1;
};

void ExpectProgress(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Progress progress;
  while (parser.HandleNextDocument(progress)) {
  }
}

}  // namespace

StatusOr<std::vector<json>> ParseManifest(std::string_view text) {
  // JSON first: yaml-cpp does not know its escapes of surrogate pairs.
  if (json whole = json::parse(text, nullptr, /*allow_exceptions=*/false); !whole.is_discarded()) {
    if (whole.is_null()) return std::vector<json>();
    return std::vector<json>{std::move(whole)};
  }
  try {
    const std::string manifest(text);
    ExpectProgress(manifest);
    Converter converter;
    std::vector<json> documents;
    for (const YAML::Node& node : YAML::LoadAll(manifest)) {
      KR_ASSIGN_OR_RETURN(json document, converter.Convert(node, 0));
      if (!document.is_null()) documents.push_back(std::move(document));
    }
    return documents;
  } catch (const YAML::Exception& e) {
    return InvalidArgument(Position(e.mark) + ": " + e.msg);
  }
}

}  // namespace kr::cmd
