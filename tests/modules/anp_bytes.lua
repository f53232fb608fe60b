-- What modules may do with bytes. Each function fails, or returns true.

local function text(b)
    return bytes.get_string(b, 1, bytes.size(b))
end

function grows_as_it_is_written_to(rec)
    local b = bytes(18)
    assert(#b == 0 and bytes.size(b) == 0)
    b[1] = 10
    b[3] = 85
    assert(#b == 3 and b[1] == 10 and b[2] == 0 and b[3] == 85 and b[4] == nil and b[0] == nil)
    assert(not bytes.set_byte(b, 0, 1) and not bytes.set_byte(b, 1, 256) and not bytes.set_byte(b, 1, -1))
    assert(bytes.append_byte(b, 255) and b[4] == 255)
    assert(tostring(b) == "0A 00 55 FF")
    return true
end

function integers_have_widths_and_orders(rec)
    for _, bits in ipairs{16, 32, 64} do
        local most = (1 << (bits - 1)) - 1
        for _, order in ipairs{"", "_be", "_le"} do
            local kind = "int" .. bits .. order
            for _, v in ipairs{0, 1, -1, 258, -258, most, -most - 1} do
                local b = bytes()
                assert(bytes["append_" .. kind](b, v))
                assert(bytes["append_" .. kind](b, v))
                assert(#b == bits // 4)
                assert(bytes["get_" .. kind](b, 1 + bits // 8) == v, kind .. v)
                assert(bytes["set_" .. kind](b, 1, 7) and bytes["get_" .. kind](b, 1) == 7)
                assert(bytes["get_" .. kind](b, 2 + bits // 8) == nil)
                assert(bytes["get_" .. kind](b, 0) == nil)
            end
            if bits < 64 then
                assert(not bytes["append_" .. kind](bytes(), most + 1))
                assert(not bytes["set_" .. kind](bytes(), 1, -most - 2))
            end
        end
    end
    local b = bytes()
    bytes.append_int16(b, 258)
    bytes.append_int16_le(b, 258)
    assert(tostring(b) == "01 02 02 01")
    return true
end

function var_ints_take_as_many_bytes_as_they_need(rec)
    for v, size in pairs{[0] = 1, [127] = 1, [128] = 2, [300] = 2, [2097151] = 3, [2147483647] = 5} do
        local b = bytes()
        assert(bytes.append_var_int(b, v) == size)
        local found, n = bytes.get_var_int(b, 1)
        assert(found == v and n == size)
        assert(bytes.set_var_int(b, 4, v) == size)
    end
    assert(bytes.get_var_int(bytes(), 1) == nil)
    return true
end

function strings_and_other_bytes_are_copied(rec)
    local b, other = bytes(), bytes()
    assert(bytes.append_string(b, "hello") and bytes.set_string(b, 4, "p!") and text(b) == "help!")
    assert(bytes.append_string(other, "1234") and bytes.append_bytes(b, other, 2) and text(b) == "help!12")
    assert(bytes.set_bytes(b, 1, other, 9) and text(b) == "1234!12")
    assert(bytes.append_bytes(other, other, 4) and text(other) == "12341234")
    assert(bytes.get_string(b, 3, 99) == "34!12" and text(bytes.get_bytes(b, 2, 2)) == "23")
    assert(bytes.get_string(b, 99, 1) == nil and bytes.get_bytes(b, 0, 1) == nil)
    assert(not bytes.set_string(b, 0, "x"))
    return true
end

function size_and_type_can_be_set(rec)
    local b = bytes()
    bytes.append_string(b, "abc")
    assert(bytes.set_size(b, 5) and #b == 5 and b[5] == 0)
    assert(bytes.set_size(b, 2) and text(b) == "ab")
    assert(bytes.set_size(b, 3) and b[3] == 0)
    assert(not bytes.set_size(b, -1))
    assert(bytes.get_type(b) == 4 and bytes.set_type(b, 9) and bytes.get_type(b) == 9)
    assert(not bytes.set_type(b, 3) and bytes.get_type(b) == 9)
    return true
end

function what_is_no_bytes_is_refused(rec)
    assert(not pcall(bytes.size, "text") and not pcall(bytes.append_byte, list(), 1))
    assert(not pcall(bytes.append_string, bytes(), {}))
    return true
end
