module interop

go 1.19

require github.com/TarsCloud/TarsGo v1.4.5

require go.uber.org/automaxprocs v1.5.2 // indirect
