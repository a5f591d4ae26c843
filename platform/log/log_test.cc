#include "platform/log/log.h"

#include "gtest/gtest.h"

namespace milepost::log {
namespace {

TEST(LogTest, QuotesWhateverComes) {
  EXPECT_EQ(Quote("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
  EXPECT_EQ(Quote("客户\xF0\x9F\x98\x80"), "\"客户\xF0\x9F\x98\x80\"");
  EXPECT_EQ(Quote("x\xFFy\xC0\x80\xED\xA0\x80"),
            "\"x\xEF\xBF\xBDy\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(Quote("\xE4\xBD"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace milepost::log
