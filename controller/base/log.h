#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

// Structured logging: a constant message (capital first, past tense, no full stop) and key/value
// pairs. An error is logged once, where it stops travelling. Never log credentials or object data.
// Thread-safe. Lines go to standard error as JSON or text.
namespace kr::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kText, kJson };

using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Before the first line; the default is text at info.
void Configure(Level level, Format format);
bool Enabled(Level level);

void Debug(std::string_view message, Fields fields = {});
void Info(std::string_view message, Fields fields = {});
void Warning(std::string_view message, Fields fields = {});
void Error(std::string_view message, Fields fields = {});

}  // namespace kr::log
