module waybill.dev/agent

go 1.26
