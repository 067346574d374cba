module waybill.dev/test/attack

go 1.24
