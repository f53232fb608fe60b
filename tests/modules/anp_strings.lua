-- Lua's own libraries, where they are not Lua's own here. Each function fails, or returns true.

function finds_and_matches(rec)
    assert(string.find("hello world", "o w") == 5)
    local s, e, word = ("hello world"):find("(w%a+)")
    assert(s == 7 and e == 11 and word == "world")
    assert(("a.b"):find(".", 1, true) == 2 and ("abc"):find("b", -1) == nil and ("abc"):find("", 10) == nil)
    assert(("key = value"):match("^(%w+)%s*=%s*(%w+)$") == "key")
    assert(("  trim  "):match("^%s*(.-)%s*$") == "trim")
    assert(("f(a(b)c)d"):match("%b()") == "(a(b)c)")
    assert(("THE (quick) fox"):find("%f[%a]%a+%f[%A]") == 1)
    assert(("abab"):match("(ab)%1") == "ab" and ("x"):match("()") == 1)
    assert(("[]]"):match("[]]+") == "]]" and ("a-b"):match("[a%-]+") == "a-" and ("é"):match("[\xc3]"))
    return true
end

function replaces(rec)
    assert(("hello"):gsub("l", "L") == "heLLo")
    assert(select(2, ("hello"):gsub("l", "L", 1)) == 1)
    assert(("hello world"):gsub("(%w+)", "<%1>") == "<hello> <world>")
    assert(("abc"):gsub("", "-") == "-a-b-c-")
    assert(("$name"):gsub("%$(%w+)", {name = "x"}) == "x")
    assert(("abc"):gsub("%w", function(c) if c == "b" then return "B" end end) == "aBc")
    assert(("100%"):gsub("%%", "%%%%") == "100%%")
    assert(("hello world"):gsub("^h", "H") == "Hello world")
    return true
end

function walks_matches(rec)
    local t = {}
    for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do
        t[#t + 1] = k .. v
    end
    assert(table.concat(t, ",") == "a1,b2")
    local n = 0
    for _ in ("abc"):gmatch("") do n = n + 1 end
    assert(n == 4)
    return true
end

function what_is_no_pattern_is_refused(rec)
    for _, bad in ipairs{"%", "[a", "[a%", "(a", "a)", "%1", "%b", "%bx", "%fa", "(()"} do
        assert(not pcall(string.match, "aaa", bad), bad)
    end
    assert(not pcall(string.gsub, "a", "a", "%2") and not pcall(string.gsub, "a", "a", "%"))
    assert(not pcall(string.gsub, "a", "a") and not pcall(string.gsub, "a", "a", print, {}))
    return true
end

function tables_work_as_ever(rec)
    local t = {3, 1, 2}
    table.sort(t)
    assert(table.concat(t, " ") == "1 2 3" and select("#", table.unpack(t)) == 3)
    table.sort(t, function(a, b) return a > b end)
    table.insert(t, 1, 9)
    table.insert(t, 0)
    assert(table.remove(t) == 0 and table.remove(t, 1) == 9 and table.concat(t) == "321")
    assert(table.concat(table.move({1, 2, 3}, 2, 3, 1), ",") == "2,3,3" and table.pack(1, nil).n == 2)
    return true
end

function strings_repeat_and_format(rec)
    assert(("ab"):rep(3, "-") == "ab-ab-ab" and ("x"):rep(0) == "" and ("x"):rep(-1) == "" and (""):rep(5) == "")
    assert(("%d %s %5.2f %q"):format(7, list{1}, 1.5, "q") == '7 List(1)  1.50 "q"')
    assert(utf8.len("é") == 1 and utf8.char(233) == "é" and #string.pack(">i4", 1) == 4)
    assert(math.type(1) == "integer" and math.type(1.0) == "float" and 7 // 2 == 3 and 1 << 40 == 1099511627776)
    return true
end
