#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kr::limits {

// A mark that another tool, or a person with another tool, leaves on an object that it is at work
// on or wants to be left alone. Nothing is written to an object with such a mark.
struct ForeignMark {
  enum class Where { kAnnotation, kLabel, kTaint, kCondition };
  std::string_view tool;  // "Karpenter"
  std::string_view kind;  // of the marked object; "" = any
  Where where;
  std::string_view key;    // a '*' at the end stands for any rest
  std::string_view value;  // "" = any but "false"; of a condition: always True
  std::string_view means;  // "is taking it away"
};

// With that the reasons of the conditions begin that we ourselves set on a Node: they are no mark
// of somebody else.
inline constexpr std::string_view kOwnConditionReason = "KubeRemedy";

// All that are known; one line each in the source.
std::span<const ForeignMark> ForeignMarks();

// What has to be read of objects of a kind to see its marks, a Deployment's pause and rollout; in
// the dotted form of document::Path::Parse.
std::vector<std::string> ForeignMarkPaths(std::string_view group, std::string_view kind);

// Whether the key of something on an object is that of the mark.
bool IsMarkKey(const ForeignMark& mark, std::string_view key);
bool IsMarkValue(const ForeignMark& mark, std::string_view value);

}  // namespace kr::limits
