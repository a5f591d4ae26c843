#include "cli/documentation.h"

#include <string_view>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.pb.h"

// The descriptor set that protoc wrote with --include_source_info.
asm(".section .rodata\n"
    ".global milepost_descriptors_begin\n"
    "milepost_descriptors_begin:\n"
    ".incbin \"" MILEPOST_DESCRIPTOR_SET
    "\"\n"
    ".global milepost_descriptors_end\n"
    "milepost_descriptors_end:\n"
    ".byte 0\n"
    ".previous\n");
extern "C" const char milepost_descriptors_begin[];
extern "C" const char milepost_descriptors_end[];

namespace milepost::cli {
namespace {

// Descriptors with comments; those compiled in have none.
const google::protobuf::DescriptorPool& Pool() {
  static const google::protobuf::DescriptorPool* const pool = [] {
    auto* made = new google::protobuf::DescriptorPool();
    google::protobuf::FileDescriptorSet files;
    files.ParseFromArray(milepost_descriptors_begin,
                         static_cast<int>(milepost_descriptors_end - milepost_descriptors_begin));
    for (const auto& file : files.file()) made->BuildFile(file);
    return made;
  }();
  return *pool;
}

template <typename Descriptor>
std::string CommentOf(const Descriptor* descriptor) {
  google::protobuf::SourceLocation location;
  if (descriptor == nullptr || !descriptor->GetSourceLocation(&location)) return "";
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(location.leading_comments, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty()) lines.emplace_back(line);
  }
  return absl::StrJoin(lines, " ");
}

}  // namespace

std::string Comment(const google::protobuf::MethodDescriptor& method) {
  return CommentOf(Pool().FindMethodByName(method.full_name()));
}

std::string Comment(const google::protobuf::FieldDescriptor& field) {
  return CommentOf(Pool().FindFieldByName(field.full_name()));
}

std::string FirstSentence(const std::string& comment) {
  const size_t end = comment.find(". ");
  return end == std::string::npos ? comment : comment.substr(0, end + 1);
}

}  // namespace milepost::cli
