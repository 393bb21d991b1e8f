#include "cmd/kubectl-remedy/table.h"

#include <algorithm>
#include <cstdint>

#include "crds/meta/text.h"

namespace kr::cmd {
namespace {

constexpr size_t kGap = 3;

// "3h10m": the second unit only while it says something.
std::string Two(int64_t first, const char* unit, int64_t second, const char* small) {
  std::string text = std::to_string(first) + unit;
  if (second > 0) text += std::to_string(second) + small;
  return text;
}

}  // namespace

std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(header.size());
  const auto measure = [&](const std::vector<std::string>& row) {
    for (size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
      widths[i] = std::max(widths[i], crds::CodePoints(row[i]));
    }
  };
  measure(header);
  for (const auto& row : rows) measure(row);

  std::string text;
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - crds::CodePoints(row[i]) + kGap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  print(header);
  for (const auto& row : rows) print(row);
  return text;
}

// The thresholds of apimachinery's duration.HumanDuration.
std::string FormatAge(absl::Duration age) {
  const int64_t seconds = absl::ToInt64Seconds(age);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return std::to_string(seconds) + "s";
  const int64_t minutes = seconds / 60;
  if (minutes < 10) return Two(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return std::to_string(minutes) + "m";
  const int64_t hours = minutes / 60;
  if (hours < 8) return Two(hours, "h", minutes % 60, "m");
  if (hours < 48) return std::to_string(hours) + "h";
  const int64_t days = hours / 24;
  if (hours < 192) return Two(days, "d", hours % 24, "h");
  if (days < 730) return std::to_string(days) + "d";
  return Two(days / 365, "y", days < 365 * 8 ? days % 365 : 0, "d");
}

}  // namespace kr::cmd
