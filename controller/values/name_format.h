#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace kr::values {

// A named form of text that Kubernetes knows, such as dns1123Label.
struct NameFormat {
  std::string_view key;   // how it is asked for
  std::string_view name;  // how it is called
  // What is wrong with a text, in the words of the API server; nothing when it has the form.
  std::vector<std::string> (*problems)(std::string_view text);
};

// nullptr when there is none of that key.
const NameFormat* FindNameFormat(std::string_view key);
// All of them, sorted by key.
inline constexpr size_t kNameFormats = 13;
const std::array<NameFormat, kNameFormats>& NameFormats();

}  // namespace kr::values
